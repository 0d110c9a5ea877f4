//! A payment provider in a box: it keeps books, loses answers on demand, and moves no real money.

mod answer;
mod behaviour;
mod book;
mod call;
mod events;
#[cfg(feature = "http")]
pub mod http;
mod name;
mod payout_book;
mod payouts;
mod replays;
#[cfg(feature = "csv")]
mod settlement_report;
#[cfg(feature = "conformance")]
mod watched;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mp_core::{
    Command, Engine, Error,
    clock::SystemClock,
    entropy::SystemEntropy,
    id::{AppId, Name},
    store::{MemoryStore, Partition},
};

#[cfg(feature = "csv")]
pub use self::settlement_report::Fees;
pub use self::{
    behaviour::{Behaviour, DELAY},
    book::Movement,
    events::SandboxEvent,
    payout_book::PayoutMovement,
};
use self::{
    book::Asked,
    call::{Call, Paths},
    replays::Replays,
};
#[cfg(test)]
pub(crate) use self::{
    book::{Account as SandboxCharge, Asked as SandboxOperation, Page as SandboxPage},
    payout_book::AskedPayout as SandboxPayout,
};
use super::{BackendError, BackendErrorKind, Capabilities, NextActionKind, Outcome};
use crate::operation::OperationKey;

/// How many pages an app's books have: each a partition `{app}/sandbox/{account}.{page}`.
pub const PAGES: u8 = 32;

/// A payment provider for tests, demos and simulations.
///
/// What it does is chosen per call: by a script, else by a seeded chance, else by the payment
/// method's token ([`Behaviour::of_token`]). Its books stand in a store, so that a provider that
/// was made again on the same store remembers everything.
///
/// It honours keys exactly as far as its [`Capabilities`] say: a provider that does not replay keys
/// acts again when it is called again, and one that is asked by its own names alone answers a key
/// that comes again as it did the first time.
///
/// ```
/// use mp_pay::backend::{Capabilities, PaymentBackend, sandbox::SandboxBackend};
///
/// let sandbox = SandboxBackend::new().with_capabilities(Capabilities::neither().with_queries());
/// assert!(sandbox.capabilities().queries.find(None));
/// assert!(sandbox.capabilities().replays_keys.is_none());
/// ```
#[derive(Clone, Debug)]
pub struct SandboxBackend {
    engine: Engine,
    account: Arc<str>,
    can: Capabilities,
    chance: Option<(u64, u16)>,
    refunds: Behaviour,
    script: Arc<Mutex<VecDeque<Behaviour>>>,
}

/// For how long the sandbox replays a key, unless told otherwise: a day, as Stripe does.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for SandboxBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl SandboxBackend {
    /// Creates a provider whose books are gone when the process ends.
    #[must_use]
    pub fn new() -> Self {
        let engine = Engine::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy::new()),
        );
        Self::kept_by(engine, "sandbox".into())
    }

    /// Creates a provider whose books stand in the engine's store, under this account.
    #[must_use]
    pub fn on(engine: &Engine, account: &Name) -> Self {
        Self::kept_by(engine.clone(), account.as_str().into())
    }

    fn kept_by(engine: Engine, account: Arc<str>) -> Self {
        Self {
            engine,
            account,
            can: Capabilities::neither()
                .with_replay(REPLAY_WINDOW)
                .with_queries(),
            chance: None,
            refunds: Behaviour::Succeed,
            script: Arc::default(),
        }
    }

    /// Replaces what the provider can do; by default everything.
    #[must_use]
    pub const fn with_capabilities(mut self, can: Capabilities) -> Self {
        self.can = can;
        self
    }

    /// Loses `per_mille` of a thousand answers before and as many after acting, as the seed says.
    #[must_use]
    pub const fn with_losses(mut self, seed: u64, per_mille: u16) -> Self {
        self.chance = Some((seed, per_mille));
        self
    }

    /// Takes every refund like this, the first time that it is called for: later, as most backends
    /// do, or so that it fails after it has succeeded.
    #[must_use]
    pub fn with_refunds(mut self, behaviour: Behaviour) -> Self {
        self.refunds = behaviour;
        self
    }

    /// Takes the next call that is made of it like this; several are taken in their order.
    pub fn script(&self, behaviour: Behaviour) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.push_back(behaviour);
    }

    /// Returns every movement of an app's money, by operation.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn movements(&self, app: &AppId) -> Result<Vec<Movement>, Error> {
        let mut movements = Vec::new();
        for page in 0..PAGES {
            let partition = self.page(app, page)?;
            let family = self
                .engine
                .read(Command::on(partition).prefix("o/"))
                .await?;
            for (_, asked) in family.scan::<Asked>("o/")? {
                movements.extend(asked.movements.iter().cloned());
            }
        }
        movements.sort_by_key(|movement| movement.operation);
        Ok(movements)
    }

    fn page(&self, app: &AppId, page: u8) -> Result<Partition, Error> {
        Partition::new(app, "sandbox", &format!("{}.{page:02}", self.account))
    }

    /// Everything about one intent stands on one page.
    fn page_of(&self, app: &AppId, key: &OperationKey) -> Result<Partition, Error> {
        let [.., last] = key.intent.to_bytes();
        self.page(app, last % PAGES)
    }

    async fn call(
        &self,
        op: &'static str,
        call: Call,
        token: Behaviour,
    ) -> Result<Outcome, BackendError> {
        let scripted = self.scripted();
        if scripted == Some(Behaviour::Unavailable) {
            let kind = BackendErrorKind::Unavailable;
            return Err(BackendError::new(kind, op, "the sandbox was told to be"));
        }
        if let Some(scripted) = &scripted {
            self.declared(op, self.may_ask(scripted))?;
        }
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, op, error);
        let page = self.page_of(&call.app, &call.key).map_err(lost)?;
        let paths = Paths::of(&call);
        let command = Command::on(page)
            .key(&paths.asked)
            .key(&paths.charge)
            .key(&paths.account);
        let (chance, replays) = (self.chance, Replays::of(self.can));
        let take = move |family: &mp_core::Family, now| {
            let behaviour = |asked: &Asked| {
                let drawn = chance.and_then(|(seed, per_mille)| {
                    Behaviour::of_chance(seed, per_mille, &call.key.to_string(), asked.calls)
                });
                let chosen = scripted.clone().or(drawn);
                chosen.unwrap_or_else(|| token.clone().of_call(asked.calls))
            };
            call.take(family, &paths, replays, behaviour, now)
        };
        let answer = self.engine.run(command, take).await;
        answer.map(|committed| committed.answer).map_err(lost)
    }

    /// Returns whether a payer may be asked for what a behaviour asks of them, if anything.
    fn may_ask(&self, behaviour: &Behaviour) -> bool {
        match behaviour {
            Behaviour::Asks(action, _) => self.can.declares(action),
            Behaviour::NeedsAction(_) => self.can.next_actions.contains(&NextActionKind::Redirect),
            _ => true,
        }
    }

    /// Refuses what was not declared, before the books are opened.
    fn declared(&self, op: &'static str, can: bool) -> Result<(), BackendError> {
        if can {
            return Ok(());
        }
        let kind = BackendErrorKind::Unsupported;
        Err(BackendError::new(
            kind,
            op,
            "the sandbox has not declared it",
        ))
    }

    fn scripted(&self) -> Option<Behaviour> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.pop_front()
    }
}
