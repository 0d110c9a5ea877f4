use std::sync::Arc;

use super::{Act, WritePoint, connection::Connection, gate::Passed, life::Life};
use crate::{
    clock::Clock,
    engine::Engine,
    entropy::{Entropy, SeededEntropy},
    error::{Error, ErrorKind},
    store::Store,
};

/// One simulated process, from its start to its crash: what a host's `main` would join.
///
/// Its store is the one that all processes share, its clock is off by up to
/// [`SKEW_MAX`](crate::clock::SKEW_MAX) and jumps, and nothing it remembers outlives it.
#[derive(Clone, Debug)]
pub struct Process {
    life: Arc<Life>,
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    engine: Engine,
}

impl Process {
    pub(super) fn new(life: &Arc<Life>) -> Self {
        let store: Arc<dyn Store> = Arc::new(Connection(life.clone()));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(life.world.chance().number()));
        let engine = Engine::new(store.clone(), life.clock.clone(), entropy.clone());
        Self {
            life: life.clone(),
            store,
            entropy,
            engine,
        }
    }

    /// Returns the process's number, counted from zero; a restart keeps it.
    #[must_use]
    pub fn number(&self) -> usize {
        self.life.number
    }

    /// Returns the engine over the process's store, clock and chance, on which to build services.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the process's way to the shared store: for an engine that a test makes itself, over a
    /// store that is wrong on purpose.
    #[must_use]
    pub const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns the process's clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.life.clock.clone()
    }

    /// Returns the process's chance.
    #[must_use]
    pub const fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// Calls something outside of the store, such as a payment provider that a test plays.
    ///
    /// The same happens to the call as to a write: `act` takes place once and whole, or not at all,
    /// or later; the answer may get lost; the process may die over it. What `act` changes is the
    /// workload's and outlives the process.
    ///
    /// # Errors
    ///
    /// `Unavailable` if it did not take place, `Unknown` if that is not known.
    pub async fn outside<T: Send + 'static>(
        &self,
        name: &'static str,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let life = self.life.clone();
        let act = async move {
            life.world
                .note(|| format!("process {} calls {name}", life.number));
            act()
        };
        match self
            .life
            .send(WritePoint::new(Act::Outside, name), act)
            .await
        {
            Passed::Answer(answer) => Ok(answer),
            Passed::Conflict | Passed::Outage => Err(fault(ErrorKind::Unavailable)),
            Passed::Unknown => Err(fault(ErrorKind::Unknown)),
        }
    }
}

fn fault(kind: ErrorKind) -> Error {
    Error::new(kind, "simulated_fault", "a fault of the simulation")
}
