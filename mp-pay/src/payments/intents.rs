//! What is asked of intents.

use mp_core::{
    Caller, Decision, Error, Family, Timestamp,
    amount::JSON_INTEGER_MAX,
    engine::Planned,
    id::IdempotencyKey,
    idempotency::{Idempotency, key_reused},
};

use super::{
    ACTION_LIFE, CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, Payments, manages, owns,
};
use crate::{
    error::PayError,
    intent::{CaptureMethod, IntentId, PaymentIntent},
    journal::{Created, Event},
    payment::{self, Change},
};

impl Payments {
    /// Creates an intent. Its id is derived from the app, the caller and the key.
    ///
    /// # Errors
    ///
    /// `invalid_field` for an amount that is not more than zero, [`PayError::Unsupported`] for a
    /// manual capture that the backend does not have, `forbidden` if somebody else is to pay and
    /// the caller is not staff, `idempotency_conflict`, the store's errors.
    pub async fn create_intent(
        &self,
        caller: &Caller,
        request: CreateIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        let once = Idempotency::new(caller, "pay.create_intent", key, &request)?;
        let created = self.created(caller, request, key)?;
        let (app, id) = (created.app.clone(), created.id);
        let command = payment::command(&app, id)?.once(once);
        self.engine.run(command, self.create(created)).await?;
        Ok(self.read(&app, id).await?.intent)
    }

    /// Decides what [`create_intent`](Self::create_intent) would, without committing it, and answers
    /// the intent's id: for a host whose order and our intent are to exist both or not at all. It
    /// commits the batch inside a transaction of its own, with the `commit_in` of the store.
    ///
    /// # Errors
    ///
    /// As [`create_intent`](Self::create_intent).
    pub async fn plan_create_intent(
        &self,
        caller: &Caller,
        request: CreateIntent,
        key: &IdempotencyKey,
    ) -> Result<Planned<IntentId>, PayError> {
        let once = Idempotency::new(caller, "pay.create_intent", key, &request)?;
        let created = self.created(caller, request, key)?;
        let id = created.id;
        let command = payment::command(&created.app, id)?.once(once);
        let planned = self.engine.plan(command, self.create(created)).await?;
        Ok(planned.map(|()| id))
    }

    fn create(
        &self,
        created: Created,
    ) -> impl Fn(&Family, Timestamp) -> Result<Decision<()>, PayError> + Send + 'static {
        let call_max = self.options.call_max;
        move |family, now| {
            // The answer may have been forgotten since; the intent was not.
            if family.exists() {
                return Err(PayError::Core(key_reused()));
            }
            Ok(Change::create(created.clone(), now).decision((), call_max))
        }
    }

    fn created(
        &self,
        caller: &Caller,
        request: CreateIntent,
        key: &IdempotencyKey,
    ) -> Result<Created, PayError> {
        let CreateIntent { amount, .. } = request;
        if !(1..=JSON_INTEGER_MAX).contains(&amount.minor()) {
            return Err(Error::invalid("amount", "is not more than zero, or too large").into());
        }
        let can = self.backend.capabilities();
        if request.capture_method == CaptureMethod::Manual && !can.separate_capture {
            return Err(PayError::Unsupported("separate capture"));
        }
        let owner = match request.payer {
            Some(payer) if caller.user_id() != Some(&payer) => {
                manages(caller)?;
                payer
            }
            _ => caller.signed_in()?.clone(),
        };
        let app = caller.app_id().clone();
        let parts = [
            app.as_str(),
            caller.key_segment(),
            "pay.create_intent",
            key.as_str(),
        ];
        Ok(Created {
            id: IntentId::derived(&parts),
            app,
            owner,
            amount,
            capture_method: request.capture_method,
            payment_method: request.payment_method,
            description: request.description,
            settlement: None,
        })
    }

    /// Charges the payer, or holds the money if capture is manual. A decline is no error: the
    /// intent answered has it as its `last_error`.
    ///
    /// # Errors
    ///
    /// `not_found`, `invalid_field` without a payment method, [`PayError::UnexpectedState`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn confirm(
        &self,
        caller: &Caller,
        request: ConfirmIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        let (id, method) = (request.intent, request.payment_method.clone());
        let command = self.command(caller, "pay.confirm", id, key, &request)?;
        let caller_of = caller.clone();
        let confirm = move |change: &mut Change| {
            let intent = &change.payment().intent;
            owns(&caller_of, intent)?;
            let capture = intent.capture_method == CaptureMethod::Automatic;
            let expires_at = change.now().plus(ACTION_LIFE);
            change.apply(Event::Confirmed {
                payment_method: method.clone(),
                capture,
                expires_at,
            })
        };
        self.change(command, confirm).await?;
        Ok(self.carry_on(caller.app_id(), id).await?.intent)
    }

    /// Takes what is held, all or part of it, and lets go of the rest.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`], [`PayError::AmountTooLarge`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn capture(
        &self,
        caller: &Caller,
        request: CaptureIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        manages(caller)?;
        let (id, amount) = (request.intent, request.amount);
        let command = self.command(caller, "pay.capture", id, key, &request)?;
        let capture = move |change: &mut Change| {
            let amount = amount.unwrap_or(change.payment().intent.amount_capturable);
            change.apply(Event::CaptureAsked { amount })
        };
        self.change(command, capture).await?;
        Ok(self.carry_on(caller.app_id(), id).await?.intent)
    }

    /// Gives an intent up and lets go of what is held.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`] while money is moving or once it was
    /// taken, `idempotency_conflict`, the store's errors.
    pub async fn cancel(
        &self,
        caller: &Caller,
        request: CancelIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        manages(caller)?;
        let (id, reason) = (request.intent, request.reason);
        let command = self.command(caller, "pay.cancel", id, key, &request)?;
        let cancel = move |change: &mut Change| change.apply(Event::CancelAsked { reason });
        self.change(command, cancel).await?;
        Ok(self.carry_on(caller.app_id(), id).await?.intent)
    }
}
