use std::{
    collections::BTreeSet,
    fmt, future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{clock::VirtualClock, signal::Signal, world::World};
use crate::{
    clock::SKEW_MAX,
    store::{Delivery, Key, Partition, Settle},
    work::LEASE,
};

/// For how long a process stands still so that its leases have run out by every clock.
const FREEZE: Duration = LEASE.saturating_add(SKEW_MAX.saturating_mul(3));

/// One process from its start to its death: after that nothing it does reaches anybody.
pub(super) struct Life {
    pub(super) world: Arc<World>,
    /// The process's number, kept over restarts.
    pub(super) number: usize,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) death: Signal,
    state: Mutex<State>,
}

struct State {
    frozen_until: Instant,
    leases: BTreeSet<(Partition, Key)>,
}

impl Life {
    pub(super) fn new(world: &Arc<World>, number: usize) -> Self {
        let state = State {
            frozen_until: Instant::now(),
            leases: BTreeSet::new(),
        };
        Self {
            world: world.clone(),
            number,
            clock: Arc::new(world.clock()),
            death: Signal::default(),
            state: Mutex::new(state),
        }
    }

    /// Dies; whoever did it with this call never hears of it.
    pub(super) async fn die<T>(&self) -> T {
        self.world.note(|| format!("process {} dies", self.number));
        self.death.give();
        future::pending().await
    }

    /// Lets the process stand still for longer than any lease lasts.
    pub(super) fn freeze(&self) {
        let mut state = self.state();
        state.frozen_until = state.frozen_until.max(Instant::now() + FREEZE);
    }

    /// Returns while the process lives and moves; never, once it is dead.
    pub(super) async fn moves(&self) {
        loop {
            let until = self.state().frozen_until;
            if self.death.is_given() {
                return future::pending().await;
            }
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    pub(super) fn leased(&self, deliveries: &[Delivery]) {
        let places = deliveries
            .iter()
            .map(|delivery| (delivery.partition.clone(), delivery.key.clone()));
        self.state().leases.extend(places);
    }

    pub(super) fn settled(&self, settle: &Settle) {
        let place = (settle.partition.clone(), settle.key.clone());
        self.state().leases.remove(&place);
    }

    /// Returns whether it works on something.
    pub(super) fn holds_leases(&self) -> bool {
        !self.state().leases.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
