//! A payment provider in a box: it keeps books, loses answers on demand, and moves no real money.

mod behaviour;
mod book;
mod call;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Command, Engine, Error,
    amount::Money,
    clock::SystemClock,
    entropy::SystemEntropy,
    id::{AppId, Name},
    store::{MemoryStore, Partition},
};

#[cfg(test)]
pub(crate) use self::book::{
    Account as SandboxCharge, Asked as SandboxOperation, Page as SandboxPage,
};
pub use self::{
    behaviour::{Behaviour, DELAY},
    book::Movement,
};
use self::{
    book::{Act, Asked},
    call::{Call, look_up},
};
use super::{
    BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
    IncreaseRequest, Lookup, Outcome, PaymentBackend,
};
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
/// acts again when it is called again.
///
/// ```
/// use mp_pay::backend::{Capabilities, PaymentBackend, sandbox::SandboxBackend};
///
/// let sandbox = SandboxBackend::new().with_capabilities(Capabilities::neither().with_queries());
/// assert!(sandbox.capabilities().answers_queries);
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
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, op, error);
        let page = self.page_of(&call.app, &call.key).map_err(lost)?;
        let command = Command::on(page)
            .key(&format!("o/{}", call.key))
            .key(&format!("o/{}", call.charge))
            .key(&format!("c/{}", call.charge));
        let (chance, window, key) = (self.chance, self.can.replays_keys, call.key.to_string());
        let take = move |family: &mp_core::Family, now| {
            let behaviour = |asked: &Asked| {
                let drawn = chance.and_then(|(seed, per_mille)| {
                    Behaviour::of_chance(seed, per_mille, &key, asked.calls)
                });
                let chosen = scripted.clone().or(drawn);
                chosen.unwrap_or_else(|| token.clone().of_call(asked.calls))
            };
            call.take(family, window, behaviour, now)
        };
        let answer = self.engine.run(command, take).await;
        answer.map(|committed| committed.answer).map_err(lost)
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

#[async_trait]
impl PaymentBackend for SandboxBackend {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.declared("charge", request.capture || self.can.separate_capture)?;
        let call = Call {
            app: request.app.clone(),
            key: request.key,
            charge: request.key,
            act: Act::Charge {
                amount: request.amount,
                capture: request.capture,
            },
        };
        let token = Behaviour::of_token(&request.payment_method);
        self.call("charge", call, token).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.declared("capture", self.can.separate_capture)?;
        let CaptureRequest { amount, last, .. } = *request;
        let call = on(&request.key, &request.charge, Act::Capture { amount, last });
        self.call("capture", call, Behaviour::Succeed).await
    }

    async fn increase(&self, request: &IncreaseRequest) -> Result<Outcome, BackendError> {
        self.declared("increase", self.can.increases_max > 0)?;
        let total = request.total;
        let call = on(&request.key, &request.charge, Act::Increase { total });
        self.call("increase", call, Behaviour::Succeed).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        let call = on(key, charge, Act::Void);
        self.call("void", call, Behaviour::Succeed).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        let call = on(key, charge, Act::Refund { amount });
        self.call("refund", call, self.refunds.clone()).await
    }

    async fn lookup(&self, app: &AppId, key: &OperationKey) -> Result<Lookup, BackendError> {
        if !self.can.answers_queries {
            return Ok(Lookup::CannotTell);
        }
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, "lookup", error);
        let page = self.page_of(app, key).map_err(lost)?;
        let command = Command::on(page)
            .key(&format!("o/{key}"))
            .prefix(&format!("c/{}", key.intent));
        let key = *key;
        let look = move |family: &mp_core::Family, now| look_up(family, key, now);
        let committed = self.engine.run(command, look).await.map_err(lost)?;
        Ok(committed.answer.map_or(Lookup::NotFound, Lookup::Found))
    }
}

fn on(key: &OperationKey, charge: &Charged, act: Act) -> Call {
    Call {
        app: charge.app.clone(),
        key: *key,
        charge: charge.key,
        act,
    }
}
