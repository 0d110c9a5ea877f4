use std::sync::Arc;

use mp_core::{
    Caller, Engine, Error, ErrorKind, Family, Scope, Timestamp,
    engine::Command,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
    port::{PayoutKey, Receiver},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    CancelPayout, CreatePayout, PayoutBackend, PayoutDestinations, PayoutEntry, PayoutError,
    PayoutEvent, PayoutId, PayoutOrder, PayoutsOptions,
    change::{Change, command},
};
use crate::payments::{PAY_MANAGE, broke_off};

/// Payouts and what becomes of them; for other capabilities it is their
/// [`Payout`](mp_core::port::Payout) port.
///
/// It writes down what it is going to ask of the backend, asks, and writes down the answer. If the
/// process ends in between, the [`handlers`](Self::handlers) of any process on the same store finish
/// it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payouts {
    pub(super) engine: Engine,
    pub(super) backend: Arc<dyn PayoutBackend>,
    pub(super) destinations: Arc<dyn PayoutDestinations>,
    pub(super) options: PayoutsOptions,
}

impl Payouts {
    /// Joins the engine with what sends the money and what knows where to.
    #[must_use]
    pub fn new(
        engine: &Engine,
        backend: Arc<dyn PayoutBackend>,
        destinations: Arc<dyn PayoutDestinations>,
    ) -> Self {
        Self {
            engine: engine.clone(),
            backend,
            destinations,
            options: PayoutsOptions::default(),
        }
    }

    /// Replaces the options.
    #[must_use]
    pub fn with_options(mut self, options: PayoutsOptions) -> Self {
        self.options = options;
        self
    }

    /// Returns the id of the payout that was or will be asked for under a key.
    #[must_use]
    pub fn id_of(app: &AppId, key: &PayoutKey) -> PayoutId {
        PayoutId::derived(&[app.as_str(), "payout", key.as_str()])
    }

    /// Pays somebody. A decline is no error: the order answered has it as its status. Asked again
    /// under the same payout key, it answers where the payout stands.
    ///
    /// # Errors
    ///
    /// `forbidden` for anybody but staff, `invalid_field` for an amount that is not more than zero,
    /// [`PayoutError::OutOfBounds`], [`PayoutError::Uncounted`], `idempotency_conflict` for a key
    /// that was used with another request, those of the [`PayoutDestinations`], the store's errors.
    pub async fn create(
        &self,
        caller: &Caller,
        request: CreatePayout,
        key: &IdempotencyKey,
    ) -> Result<PayoutOrder, PayoutError> {
        caller.require(&Scope::STAFF)?;
        let once = Idempotency::new(caller, "pay.create_payout", key, &request)?;
        let request = request.of(caller.app_id());
        self.open(&request, Some(once)).await?;
        let id = Self::id_of(&request.app, &request.key);
        self.carry_on(&request.app, id).await
    }

    /// Calls a payout off that was not sent yet, or whose call surely did not reach the backend.
    /// Calling it off twice is not an error.
    ///
    /// # Errors
    ///
    /// `forbidden` for anybody but staff, `not_found`, [`PayoutError::TooLate`],
    /// `idempotency_conflict`, `outcome_unknown` if it was written down and cannot be read, the store's
    /// errors.
    pub async fn cancel(
        &self,
        caller: &Caller,
        request: CancelPayout,
        key: &IdempotencyKey,
    ) -> Result<PayoutOrder, PayoutError> {
        caller.require(&Scope::STAFF)?;
        let once = Idempotency::new(caller, "pay.cancel_payout", key, &request)?;
        let command = command(caller.app_id(), request.payout)?.once(once);
        let cancel = |change: &mut Change| match change.order().is_called_off() {
            true => Ok(()),
            false => change.apply(PayoutEvent::Canceled),
        };
        self.change(command, cancel).await?;
        self.written(caller.app_id(), request.payout).await
    }

    /// Returns a payout.
    ///
    /// # Errors
    ///
    /// `not_found` for a payout that is not there or not to the caller, the store's errors.
    pub async fn payout(&self, caller: &Caller, id: PayoutId) -> Result<PayoutOrder, PayoutError> {
        let order = self.read(caller.app_id(), id).await?;
        if caller.has(&PAY_MANAGE) {
            return Ok(order);
        }
        match (&order.receiver, caller.user_id()) {
            (Receiver::User { user: receiver }, Some(user)) if receiver == user => Ok(order),
            _ => Err(Error::not_found("payout").into()),
        }
    }

    /// Returns everything that happened to a payout, in order.
    ///
    /// # Errors
    ///
    /// `forbidden` for the receiver, `not_found`, the store's errors.
    pub async fn journal(
        &self,
        caller: &Caller,
        id: PayoutId,
    ) -> Result<Vec<PayoutEntry>, PayoutError> {
        caller.require(&PAY_MANAGE)?;
        let family = self.engine.read(command(caller.app_id(), id)?).await?;
        if !family.exists() {
            return Err(Error::not_found("payout").into());
        }
        let entries = family.scan::<PayoutEntry>("j/")?;
        Ok(entries
            .into_iter()
            .map(|(_, entry)| PayoutEntry::clone(&entry))
            .collect())
    }

    pub(super) async fn find(
        &self,
        app: &AppId,
        id: PayoutId,
    ) -> Result<Option<PayoutOrder>, Error> {
        let family = self.engine.read(command(app, id)?).await?;
        let order = family.root::<PayoutOrder>()?;
        Ok(order.map(|order| PayoutOrder::clone(&order)))
    }

    pub(super) async fn read(&self, app: &AppId, id: PayoutId) -> Result<PayoutOrder, PayoutError> {
        let found = self.find(app, id).await?;
        Ok(found.ok_or_else(|| Error::not_found("payout"))?)
    }

    /// Reads a payout that was just written: a failure is no word that it was not.
    pub(super) async fn written(
        &self,
        app: &AppId,
        id: PayoutId,
    ) -> Result<PayoutOrder, PayoutError> {
        self.read(app, id).await.map_err(unclear)
    }

    /// Changes a payout in one commit.
    pub(super) async fn change<T, F>(&self, command: Command, change: F) -> Result<T, PayoutError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(&mut Change) -> Result<T, PayoutError> + Send + 'static,
    {
        let call_max = self.options.call_max;
        let decide = move |family: &Family, now: Timestamp| {
            let mut changed = Change::load(family, now)?;
            let answer = change(&mut changed)?;
            Ok::<_, PayoutError>(changed.decision(answer, call_max))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

/// Returns the error of what went on from a commit that is there: it does not say that nothing was
/// written.
pub(super) fn unclear(error: PayoutError) -> PayoutError {
    match Error::from(error) {
        error if error.kind() == ErrorKind::Unavailable => broke_off(error).into(),
        error => error.into(),
    }
}
