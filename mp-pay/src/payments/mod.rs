//! The service: decides, commits, calls the backend, commits what it answered.

mod asking;
mod begun;
mod call;
mod disputes;
mod drive;
mod holds;
mod intents;
mod notices;
mod operations;
mod options;
mod receipts;
mod refunds;
mod request;
mod telling;
mod unresolved;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mp_core::{
    Caller, Command, Engine, Error, Family, Scope, Timestamp,
    feed::Feed,
    id::{AppId, Name},
};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::{
    asking::Asking,
    begun::Begun,
    drive::{broke_off, needs_person},
    notices::{BACKEND_CANNOT_TELL, told},
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
    attempt::Attempt,
    backend::PaymentBackend,
    error::PayError,
    intent::{IntentId, PaymentIntent},
    journal::JournalEntry,
    payment::{self, Change, Payment, Policy},
    routing::{Routing, Standing},
};

/// The right to create and confirm one's own intents: asked for by a [`Host`](mp_core::host::Host). A typed
/// call asks only whose the intent is.
pub const PAY_WRITE: Scope = Scope::of("pay:write");

/// The right to read one's own intents: asked for by a [`Host`](mp_core::host::Host), as
/// [`PAY_WRITE`] is.
pub const PAY_READ: Scope = Scope::of("pay:read");

/// The right to see, capture, cancel and refund every intent of the app; staff have it. It is none to charge
/// others: who is to pay is said, and what somebody else is to pay confirmed, by [`Scope::STAFF`] alone, and an
/// intent is shown without the payment method that its payer has stored.
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
    routing: Arc<Routing>,
    options: PaymentsOptions,
    feed: Option<Feed>,
}

impl Payments {
    /// Joins the engine with what moves the money.
    #[must_use]
    pub fn new(engine: &Engine, backend: Arc<dyn PaymentBackend>) -> Self {
        Self::routed(engine, Routing::alone(backend))
    }

    /// Joins the engine with several backends and the [rules](crate::routing) by which payments go
    /// to them.
    #[must_use]
    pub fn routed(engine: &Engine, routing: Routing) -> Self {
        Self {
            engine: engine.clone(),
            routing: Arc::new(routing),
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

    /// Tells a feed the [turns](crate::news) that payments take, from now on; without one, they
    /// write nothing for it. What is told comes into the feed by due work: a worker needs
    /// [`Feeds::handlers`](mp_core::feed::Feeds::handlers).
    #[must_use]
    pub fn with_feed(mut self, feed: Feed) -> Self {
        self.feed = Some(feed);
        self
    }

    /// Returns how the backends that have names stand, as this process has seen them lately: for
    /// an operator's eyes.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<Name, Standing> {
        self.routing.standings(self.engine.now())
    }

    /// Returns an intent.
    ///
    /// # Errors
    ///
    /// `not_found` for an intent that is not there or not the caller's, the store's errors.
    pub async fn intent(&self, caller: &Caller, id: IntentId) -> Result<PaymentIntent, PayError> {
        Ok(self.owned(caller, id).await?.shown_to(caller))
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
        caller.require(&PAY_MANAGE)?;
        let command = payment::command(caller.app_id(), id)?;
        let family = self.engine.read(command).await?;
        match payment::journal(&family)? {
            // The first entry is its creation.
            none if none.is_empty() => Err(Error::not_found("intent").into()),
            entries => Ok(entries),
        }
    }

    /// Returns an intent's attempts, in their order: which backend each went to, and what came of it.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent), and `forbidden` for the payer.
    pub async fn attempts(&self, caller: &Caller, id: IntentId) -> Result<Vec<Attempt>, PayError> {
        caller.require(&PAY_MANAGE)?;
        let attempts = self.owned(caller, id).await?.attempts.into_values();
        Ok(attempts.map(Arc::unwrap_or_clone).collect())
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

    /// Asks for something in one commit, which claims the call that comes of it, and does at once all
    /// that can be done.
    pub(crate) async fn ask_for<F>(
        &self,
        app: &AppId,
        id: IntentId,
        asking: Asking,
        ask: F,
    ) -> Result<Payment, PayError>
    where
        F: Fn(&mut Change) -> Result<(), PayError> + Send + 'static,
    {
        let Asking { command, request } = asking;
        let begin = move |change: &mut Change| match &request {
            Some(request) if change.repeats(request)? => Ok(Begun::default()),
            request => {
                ask(change)?;
                request.iter().cloned().for_each(|it| change.asked_by(it));
                Begun::claimed(change)
            }
        };
        let begun = self.change(command, begin).await?;
        self.go_on(app, id, begun).await
    }

    /// Changes a payment in one commit.
    pub(crate) async fn change<T, F>(&self, command: Command, change: F) -> Result<T, PayError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(&mut Change) -> Result<T, PayError> + Send + 'static,
    {
        let (policy, telling) = (self.policy(), self.telling());
        let command = telling.reads(command);
        let decide = move |family: &Family, now: Timestamp| {
            let mut changed = Change::load(family, &policy, now)?;
            let answer = change(&mut changed)?;
            Ok::<_, PayError>(telling.decision(changed, answer, family, now)?)
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn routing(&self) -> &Routing {
        &self.routing
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            late: self.options.late_success,
            routing: self.routing.clone(),
        }
    }
}

/// Refuses whoever may not have an intent charged: to manage payments is no right to have others pay.
fn may_charge(caller: &Caller, intent: &PaymentIntent) -> Result<(), Error> {
    owns(caller, intent)?;
    match caller.user_id() {
        Some(user) if *user == intent.owner => Ok(()),
        _ => caller.require(&Scope::STAFF),
    }
}

/// Refuses whoever is neither the payer nor may act on other people's payments.
fn owns(caller: &Caller, intent: &PaymentIntent) -> Result<(), Error> {
    if caller.app_id() == &intent.app && caller.has(&PAY_MANAGE) {
        return Ok(());
    }
    caller.require_owner("intent", &intent.app, &intent.owner)
}
