//! The service: decides, commits, calls the backend, commits what it answered.

mod call;
mod disputes;
mod drive;
mod holds;
mod intents;
mod operations;
mod options;
mod receipts;
mod refunds;
mod request;
mod unresolved;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Command, Engine, Error, Family, Scope, Timestamp,
    feed::Feed,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::{
    drive::{broke_off, needs_person},
    refunds::may_refund,
};
pub use self::{
    options::{LateSuccess, PaymentsOptions},
    request::{
        CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, DisputeNotice, Finding,
        IncreaseIntent, ListUnresolved, Notice, ReadIntent, RefundIntent, ResolveOperation,
    },
    unresolved::{UNRESOLVED_MAX, Unresolved},
};
use crate::{
    backend::PaymentBackend,
    error::PayError,
    intent::{IntentId, PaymentIntent},
    journal::JournalEntry,
    payment::{self, Change, Payment},
};

/// The right to create and confirm one's own intents.
pub const PAY_WRITE: Scope = Scope::of("pay:write");

/// The right to read one's own intents.
pub const PAY_READ: Scope = Scope::of("pay:read");

/// The right to capture, cancel and refund every intent of the app; staff have it.
pub const PAY_MANAGE: Scope = Scope::of("pay:manage");

/// For how long a payer may take over an action such as 3-D Secure.
pub const ACTION_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

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
    feed: Option<Feed>,
}

impl Payments {
    /// Joins the engine with what moves the money.
    #[must_use]
    pub fn new(engine: &Engine, backend: Arc<dyn PaymentBackend>) -> Self {
        Self {
            engine: engine.clone(),
            backend,
            options: PaymentsOptions::default(),
            feed: None,
        }
    }

    /// Replaces the options.
    #[must_use]
    pub const fn with_options(mut self, options: PaymentsOptions) -> Self {
        self.options = options;
        self
    }

    /// Tells a feed what was [captured](crate::news::Captured) and
    /// [refunded](crate::news::Refunded), from now on; without one, payments write nothing for it.
    #[must_use]
    pub fn with_feed(mut self, feed: Feed) -> Self {
        self.feed = Some(feed);
        self
    }

    /// Returns an intent.
    ///
    /// # Errors
    ///
    /// `not_found` for an intent that is not there or not the caller's, the store's errors.
    pub async fn intent(&self, caller: &Caller, id: IntentId) -> Result<PaymentIntent, PayError> {
        Ok(self.owned(caller, id).await?.intent)
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
        let (options, feed) = (self.options, self.feed.clone());
        let command = match &feed {
            Some(feed) => feed.reads(command),
            None => command,
        };
        let decide = move |family: &Family, now: Timestamp| {
            let mut changed = Change::load(family, options.late_success, now)?;
            let answer = change(&mut changed)?;
            let news = feed.as_ref().map(|_| changed.news()).transpose()?;
            let mut decision = changed.decision(answer, options.call_max);
            if let (Some(feed), Some(news)) = (&feed, news) {
                feed.emit(family, now, news, &mut decision.edits)?;
            }
            Ok::<_, PayError>(decision)
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) const fn options(&self) -> PaymentsOptions {
        self.options
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
