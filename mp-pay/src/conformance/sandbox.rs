//! The sandbox as a backend that is tried, and as the provider behind it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Engine, Timestamp,
    amount::{Currency, Money},
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SystemEntropy,
    id::{Name, UserId},
    store::{MemoryStore, Store},
};

use super::{BackendFactory, Fault, Joined, Provider};
use crate::{
    backend::{
        Capabilities, DeclineCode,
        sandbox::{Behaviour, DELAY, SandboxBackend},
    },
    method::PaymentMethodToken,
    payments::Notice,
};

/// Makes sandboxes of one kind, each with books of its own.
#[derive(Clone, Copy, Debug)]
pub struct SandboxFactory(Capabilities);

impl SandboxFactory {
    /// Makes sandboxes that can do this.
    #[must_use]
    pub const fn new(can: Capabilities) -> Self {
        Self(can)
    }
}

#[async_trait]
impl BackendFactory for SandboxFactory {
    async fn open(&self) -> Joined {
        let provider = Arc::new(Sandbox::new(self.0));
        Joined::new(Arc::new(provider.backend.clone()), provider)
    }
}

/// A sandbox whose way to its books is watched.
#[derive(Debug)]
pub(super) struct Sandbox {
    /// What is tried: its store counts and delays what comes.
    pub(super) backend: SandboxBackend,
    books: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    wire: Arc<Wire>,
}

/// What is between the sandbox and its books, which stand for a provider far away.
#[derive(Debug, Default)]
struct Wire {
    requests: AtomicU64,
    delay: Mutex<Option<Duration>>,
}

impl Wire {
    async fn pass(self: Arc<Self>, call: Call, phase: Phase) {
        if phase == Phase::After {
            return;
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        if call == Call::Commit {
            let delay = self.delay().take();
            tokio::time::sleep(delay.unwrap_or_default()).await;
        }
    }

    fn delay(&self) -> MutexGuard<'_, Option<Duration>> {
        self.delay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    pub(super) fn new(can: Capabilities) -> Self {
        let books: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let wire = Arc::new(Wire::default());
        let clock = Arc::new(ManualClock::at(START));
        let hook = {
            let wire = wire.clone();
            move |call, phase, _: Option<&_>| {
                let pass = wire.clone().pass(call, phase);
                async move {
                    pass.await;
                    Ok(())
                }
            }
        };
        let store = Arc::new(HookedStore::new(books.clone(), hook));
        let engine = Engine::new(store, clock.clone(), Arc::new(SystemEntropy::new()));
        Self {
            backend: SandboxBackend::on(&engine, &account()).with_capabilities(can),
            books,
            clock,
            wire,
        }
    }

    /// Returns the sandbox with nothing between it and its books, to look at them.
    pub(super) fn in_its_books(&self) -> SandboxBackend {
        let entropy = Arc::new(SystemEntropy::new());
        let engine = Engine::new(self.books.clone(), self.clock.clone(), entropy);
        SandboxBackend::on(&engine, &account())
    }
}

#[async_trait]
impl Provider for Sandbox {
    fn accepted(&self) -> PaymentMethodToken {
        token("pm_ok")
    }

    fn declined(&self) -> Option<PaymentMethodToken> {
        Some(token("pm_declined"))
    }

    fn acting(&self) -> Option<PaymentMethodToken> {
        Some(token("pm_action"))
    }

    fn of_another(&self) -> Option<(UserId, PaymentMethodToken)> {
        let another = UserId::new("another").expect("letters make a user's name");
        Some((another, token("pm_of_another")))
    }

    async fn act_as_payer(&self) -> bool {
        self.clock.advance(DELAY);
        true
    }

    async fn taken(&self, currency: Currency) -> Option<Money> {
        let movements = self.in_its_books().movements(&self.app()).await.ok()?;
        let mine = movements.iter().map(|movement| movement.amount);
        let mine = mine.filter(|amount| amount.currency() == currency);
        Some(Money::new(mine.map(Money::minor).sum(), currency))
    }

    async fn held(&self, currency: Currency) -> Option<Money> {
        let holds = self.in_its_books().holds(&self.app()).await.ok()?;
        let mine = holds.iter().filter(|held| held.currency() == currency);
        Some(Money::new(mine.map(|held| held.minor()).sum(), currency))
    }

    async fn requests(&self) -> Option<u64> {
        Some(self.wire.requests.load(Ordering::SeqCst))
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        self.backend.script(match *fault {
            Fault::LoseRequest => Behaviour::TimeoutBefore,
            Fault::LoseAnswer => Behaviour::TimeoutAfter,
            Fault::Refuse => Behaviour::Unavailable,
            Fault::Decline => Behaviour::Decline(DeclineCode::of("card_declined")),
            Fault::Delay(delay) => {
                *self.wire.delay() = Some(delay);
                return true;
            }
        });
        true
    }

    async fn notices(&self) -> Option<Vec<Notice>> {
        self.in_its_books().notices(&self.app()).await.ok()
    }

    async fn wait(&self) {
        self.clock.advance(DELAY);
        tokio::task::yield_now().await;
    }
}

fn account() -> Name {
    Name::new("conformance").expect("letters make a name")
}

fn token(text: &str) -> PaymentMethodToken {
    PaymentMethodToken::new(text).expect("letters make a token")
}

/// When the sandboxes open: 2026-11-21T18:00:00Z.
const START: Timestamp = Timestamp::from_micros(1_795_284_000_000_000);
