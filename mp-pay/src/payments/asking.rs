use mp_core::{
    Caller, Command,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
};
use serde::Serialize;

use crate::{error::PayError, intent::IntentId, journal::Request, payment};

/// What is asked of a payment: where, and by which call, if by one under a key. The journal keeps the
/// call with what it has asked for, and tells a repetition by it.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(super) command: Command,
    pub(super) request: Option<Request>,
}

impl Asking {
    /// Asks by a call, under its key.
    pub(super) fn by_call(
        caller: &Caller,
        operation: &'static str,
        intent: IntentId,
        key: &IdempotencyKey,
        what: &impl Serialize,
    ) -> Result<Self, PayError> {
        let once = Idempotency::new(caller, operation, key, what)?;
        let request = Request::of(caller, operation, key, &once);
        let command = payment::command(caller.app_id(), intent)?;
        Ok(Self {
            command: command.once_by_decision(once),
            request: Some(request),
        })
    }

    /// Asks under nobody's key: the decision tells a repetition by where the payment stands.
    pub(crate) fn of_state(app: &AppId, intent: IntentId) -> Result<Self, PayError> {
        Ok(Self {
            command: payment::command(app, intent)?,
            request: None,
        })
    }
}
