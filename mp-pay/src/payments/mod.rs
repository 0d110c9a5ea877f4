//! The service: decides, commits, calls the backend, commits what it answered.

mod drive;
mod operations;
mod request;
mod unresolved;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Command, Engine, Error, Scope,
    amount::JSON_INTEGER_MAX,
    id::{AppId, IdempotencyKey},
    idempotency::{Idempotency, key_reused},
};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    request::{
        CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, Notice, ReadIntent, RefundIntent,
    },
    unresolved::{UNRESOLVED_MAX, Unresolved},
};
use crate::{
    backend::PaymentBackend,
    error::PayError,
    intent::{CaptureMethod, IntentId, PaymentIntent},
    journal::{Created, Event, JournalEntry},
    payment::{self, Change, Payment},
    refund::{REFUNDS_MAX, Refund, RefundId},
};

/// The right to create and confirm one's own intents.
pub const PAY_WRITE: Scope = Scope::of("pay:write");

/// The right to read one's own intents.
pub const PAY_READ: Scope = Scope::of("pay:read");

/// The right to capture, cancel and refund every intent of the app; staff have it.
pub const PAY_MANAGE: Scope = Scope::of("pay:manage");

/// For how long a payer may take over an action such as 3-D Secure.
pub const ACTION_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How payments are carried out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PaymentsOptions {
    /// The longest that one call to the backend may take; 30 seconds by default. What takes longer
    /// counts as unknown, and what a dead process had sent is looked into after as long.
    pub call_max: Duration,
}

impl Default for PaymentsOptions {
    fn default() -> Self {
        Self {
            call_max: Duration::from_secs(30),
        }
    }
}

impl PaymentsOptions {
    /// Lets one call to the backend take this long at most.
    #[must_use]
    pub const fn with_call_max(mut self, call_max: Duration) -> Self {
        self.call_max = call_max;
        self
    }
}

/// Payment intents and what becomes of them.
///
/// Every method that has an effect writes down what it is going to ask of the backend, asks, and
/// writes down the answer. If the process ends in between, the [`handlers`](Self::handlers) of any
/// process on the same store finish it. At most one movement of money comes of one operation, and
/// its outcome is known or listed by [`unresolved`](Self::unresolved).
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payments {
    engine: Engine,
    backend: Arc<dyn PaymentBackend>,
    options: PaymentsOptions,
}

impl Payments {
    /// Joins the engine with what moves the money.
    #[must_use]
    pub fn new(engine: &Engine, backend: Arc<dyn PaymentBackend>) -> Self {
        Self {
            engine: engine.clone(),
            backend,
            options: PaymentsOptions::default(),
        }
    }

    /// Replaces the options.
    #[must_use]
    pub const fn with_options(mut self, options: PaymentsOptions) -> Self {
        self.options = options;
        self
    }

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
        let command = payment::command(&created.app, created.id)?.once(once);
        let (app, id) = (created.app.clone(), created.id);
        let call_max = self.options.call_max;
        let create = move |family: &mp_core::Family, now| {
            // The answer may have been forgotten since; the intent was not.
            if family.exists() {
                return Err(PayError::Core(key_reused()));
            }
            Ok(Change::create(created.clone(), now).decision((), call_max))
        };
        self.engine.run(command, create).await?;
        Ok(self.read(&app, id).await?.intent)
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

    /// Gives back what was taken, all or part of it. Its id is derived from the intent, the caller
    /// and the key.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`], [`PayError::AmountTooLarge`] if it
    /// is more than is left and not claimed by another refund, [`PayError::Unsupported`] for a part
    /// where the backend refunds everything or nothing, [`PayError::TooMany`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn refund(
        &self,
        caller: &Caller,
        request: RefundIntent,
        key: &IdempotencyKey,
    ) -> Result<Refund, PayError> {
        manages(caller)?;
        let intent = request.intent;
        let command = self.command(caller, "pay.refund", intent, key, &request)?;
        let (id, whose) = (intent.to_string(), caller.key_segment());
        let refund = RefundId::derived(&[&id, whose, "pay.refund", key.as_str()]);
        let partial = self.backend.capabilities().partial_refund;
        let ask = move |change: &mut Change| {
            if change.payment().refunds.len() >= REFUNDS_MAX as usize {
                let (what, most) = ("refunds", REFUNDS_MAX);
                return Err(PayError::TooMany { what, most });
            }
            let left = change.payment().intent.amount_refundable();
            let amount = request.amount.unwrap_or(left);
            if !partial && amount != change.payment().intent.amount_received {
                return Err(PayError::Unsupported("partial refund"));
            }
            let reason = request.reason;
            change.apply(Event::RefundAsked {
                refund,
                amount,
                reason,
            })
        };
        self.change(command, ask).await?;
        let payment = self.carry_on(caller.app_id(), intent).await?;
        let refund = payment.refunds.get(&refund).cloned();
        Ok(refund.ok_or_else(|| Error::not_found("refund"))?)
    }

    /// Returns an intent.
    ///
    /// # Errors
    ///
    /// `not_found` for an intent that is not there or not the caller's, the store's errors.
    pub async fn intent(&self, caller: &Caller, id: IntentId) -> Result<PaymentIntent, PayError> {
        Ok(self.owned(caller, id).await?.intent)
    }

    /// Returns an intent's refunds, in the order of their ids.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent).
    pub async fn refunds(&self, caller: &Caller, id: IntentId) -> Result<Vec<Refund>, PayError> {
        Ok(self
            .owned(caller, id)
            .await?
            .refunds
            .into_values()
            .collect())
    }

    /// Returns everything that happened to an intent, in order.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent), and `forbidden` for the payer.
    pub async fn journal(
        &self,
        caller: &Caller,
        id: IntentId,
    ) -> Result<Vec<JournalEntry>, PayError> {
        manages(caller)?;
        let command = payment::command(caller.app_id(), id)?;
        let family = self.engine.read(command).await?;
        let entries = family.scan::<JournalEntry>("j/")?;
        Ok(entries
            .into_iter()
            .map(|(_, entry)| JournalEntry::clone(&entry))
            .collect())
    }

    async fn owned(&self, caller: &Caller, id: IntentId) -> Result<Payment, PayError> {
        let payment = self.read(caller.app_id(), id).await?;
        owns(caller, &payment.intent)?;
        Ok(payment)
    }

    pub(crate) async fn read(&self, app: &AppId, id: IntentId) -> Result<Payment, PayError> {
        let found = self.find(app, id).await?;
        Ok(found.ok_or_else(|| Error::not_found("intent"))?)
    }

    pub(crate) async fn find(
        &self,
        app: &AppId,
        id: IntentId,
    ) -> Result<Option<Payment>, PayError> {
        let family = self.engine.read(payment::command(app, id)?).await?;
        Ok(payment::load(&family)?)
    }

    fn command(
        &self,
        caller: &Caller,
        operation: &str,
        intent: IntentId,
        key: &IdempotencyKey,
        request: &impl Serialize,
    ) -> Result<Command, PayError> {
        let once = Idempotency::new(caller, operation, key, request)?;
        Ok(payment::command(caller.app_id(), intent)?.once(once))
    }

    /// Changes a payment in one commit.
    pub(crate) async fn change<T, F>(&self, command: Command, change: F) -> Result<T, PayError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(&mut Change) -> Result<T, PayError> + Send + 'static,
    {
        let call_max = self.options.call_max;
        let decide = move |family: &mp_core::Family, now| {
            let mut changed = Change::load(family, now)?;
            let answer = change(&mut changed)?;
            Ok::<_, PayError>(changed.decision(answer, call_max))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) const fn call_max(&self) -> Duration {
        self.options.call_max
    }

    pub(crate) fn capabilities(&self) -> crate::backend::Capabilities {
        self.backend.capabilities()
    }
}

/// Refuses whoever may not act on other people's payments.
fn manages(caller: &Caller) -> Result<(), Error> {
    if caller.has(&Scope::STAFF) {
        return Ok(());
    }
    caller.require(&PAY_MANAGE)
}

/// Refuses whoever is neither the payer nor may act on other people's payments.
fn owns(caller: &Caller, intent: &PaymentIntent) -> Result<(), Error> {
    if caller.app_id() == &intent.app && manages(caller).is_ok() {
        return Ok(());
    }
    caller.require_owner("intent", &intent.app, &intent.owner)
}
