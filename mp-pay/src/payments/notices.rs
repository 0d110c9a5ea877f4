//! What backends tell by themselves.

use mp_core::{
    Caller, Error, ErrorKind,
    id::{AppId, Name},
};

use super::{Notice, PAY_MANAGE, Payments, call::lookup_request};
use crate::{
    backend::{Lookup, Reference, WebhookTrust},
    error::PayError,
    intent::PaymentIntent,
    journal::Source,
    operation::{OperationKey, Stage},
    payment::{Move, Payment},
};

/// The code of a hint's error when the backend that it is about has no answer now.
pub(crate) const BACKEND_CANNOT_TELL: &str = "backend_cannot_tell";

impl Payments {
    /// Takes in what the backend tells by itself, such as a webhook whose signature the host has
    /// checked. It may come twice, late and in any order.
    ///
    /// A backend whose webhooks are but hints is asked instead, and of what the hint says no more is
    /// used than the backend's own name for the operation, to ask by, where it has told none before;
    /// one that cannot be asked tells it some day by itself. With several backends this does not
    /// say which one tells: if hints are all that one of them sends, this is taken for one. Say it
    /// with [`observe_from`](Self::observe_from).
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::BackendMissing`], the store's errors; `backend_unanswered`
    /// and `backend_cannot_tell` for a hint about what nobody would ask about again, which is to be told
    /// again later.
    pub async fn observe(
        &self,
        caller: &Caller,
        notice: Notice,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        self.take_in(caller, self.routing.trust(), notice).await
    }

    /// Takes in what one of several backends tells by itself, as [`observe`](Self::observe) does. It
    /// is believed as far as that backend is, and only of what was asked of that backend: no
    /// backend has a word on what another one did.
    ///
    /// # Errors
    ///
    /// As [`observe`](Self::observe); `not_found` also for an operation of another backend.
    pub async fn observe_from(
        &self,
        caller: &Caller,
        backend: &Name,
        notice: Notice,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        let trust = self.routing.backend(Some(backend))?.capabilities().webhooks;
        let app = caller.app_id();
        let payment = self.read(app, notice.operation.intent).await?;
        if !self.routing.is_of(backend, &payment, notice.operation.step) {
            return Err(Error::not_found("operation").into());
        }
        self.take_in(caller, trust, notice).await
    }
}

impl Payments {
    async fn take_in(
        &self,
        caller: &Caller,
        trust: WebhookTrust,
        notice: Notice,
    ) -> Result<PaymentIntent, PayError> {
        let (app, Notice { operation, outcome }) = (caller.app_id(), notice);
        if trust == WebhookTrust::HintOnly {
            self.look_into(app, operation, outcome.reference()).await?;
        } else {
            self.observed(app, operation, outcome, Source::Notice)
                .await?;
        }
        let payment = self.carry_on(app, operation.intent).await?;
        Ok(payment.shown_to(caller))
    }

    fn is_waited_for(&self, payment: &Payment, operation: OperationKey) -> bool {
        matches!(self.move_of(payment, operation), Move::Wait(_))
    }

    /// Asks about an operation because of a hint: by the name in it where no other is known that the
    /// backend would find it by.
    async fn look_into(
        &self,
        app: &AppId,
        operation: OperationKey,
        hinted: Option<&Reference>,
    ) -> Result<(), PayError> {
        let payment = self.read(app, operation.intent).await?;
        match payment.operation(operation.step) {
            None => Err(Error::not_found("operation").into()),
            Some(known) if known.stage == Stage::Planned => Ok(()),
            Some(known) => {
                let queries = self.routing.can(&payment, operation.step)?.queries;
                let mut request = lookup_request(&payment, operation);
                if !queries.find(known.reference.as_ref()) {
                    request.reference = hinted.filter(|name| name.is_plain()).cloned();
                }
                let on_its_way =
                    known.stage == Stage::Sent && self.is_waited_for(&payment, operation);
                // What is not known there yet would be sent again, by who finds by our key.
                let is_early = on_its_way && queries.find(None);
                if !queries.find(request.reference.as_ref()) || is_early {
                    return Ok(());
                }
                let by_itself = queries.find(known.reference.as_ref());
                let waits = matches!(self.move_of(&payment, operation), Move::Ask | Move::Wait(_));
                let answer = self.look_up(&payment, &request).await?;
                if !(by_itself && waits) {
                    told(answer.as_ref())?;
                }
                self.learn(payment, &request, answer).await?;
                Ok(())
            }
        }
    }
}

/// Refuses an answer that tells nothing, where a hint is the only reason to ask: let go of, what it is
/// about would never be learnt.
///
/// # Errors
///
/// `backend_unanswered`, [`BACKEND_CANNOT_TELL`].
pub(crate) fn told(answer: Option<&Lookup>) -> Result<(), Error> {
    let untold = |code, message| Err(Error::new(ErrorKind::Unavailable, code, message));
    match answer {
        None => untold(
            "backend_unanswered",
            "the backend did not answer what became of it: tell it again later",
        ),
        Some(Lookup::CannotTell) => untold(
            BACKEND_CANNOT_TELL,
            "the backend cannot tell now what became of it: tell it again later",
        ),
        Some(_) => Ok(()),
    }
}
