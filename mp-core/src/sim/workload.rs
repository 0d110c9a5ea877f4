use std::{fmt::Debug, hash::Hash, sync::Arc};

use async_trait::async_trait;

use super::{Chance, History, Process};
use crate::{
    conformance::Violation, engine::Family, error::Error, id::IdempotencyKey, work::Handler,
};

/// What is simulated: services, the commands of their clients, and what must hold.
///
/// One is made for each run; what it keeps itself stands for the world outside of the store, which
/// no crash touches.
#[async_trait]
pub trait Workload: Send + Sync + 'static {
    /// The services of one process.
    type Services: Send + Sync + 'static;
    /// The simple, sequential twin of the services.
    type Model: Model;

    /// Starts a process: builds its services as the host's `main` would, and the handlers for its
    /// worker.
    fn start(&self, process: &Process) -> (Self::Services, Vec<Arc<dyn Handler>>);

    /// Draws a client's next command.
    fn draw(&self, chance: &mut Chance) -> Drawn<Command<Self>>;

    /// Has a command carried out, once; the simulation repeats it where that is called for.
    ///
    /// # Errors
    ///
    /// Those of the services. `Unavailable` says that nothing happened, `Unknown` that nobody knows,
    /// every other kind that the command is refused for good.
    async fn call(
        &self,
        services: &Self::Services,
        command: &Command<Self>,
        key: &IdempotencyKey,
    ) -> Result<Answer<Self>, Error>;

    /// Reads how a part stands when everything is over, in the words of the model.
    ///
    /// # Errors
    ///
    /// Those of the services: nothing is faulty any more, so they fail the run.
    async fn observe(&self, services: &Self::Services, part: &str) -> Result<Self::Model, Error>;

    /// Looks at a whole partition after each of its commits.
    ///
    /// # Errors
    ///
    /// What must never be seen, not even for a moment.
    fn inspect(&self, family: &Family) -> Result<(), Violation>;

    /// Looks at everything when it is over: what spans parts, such as totals and effects.
    ///
    /// # Errors
    ///
    /// What does not add up.
    async fn audit(
        &self,
        services: &Self::Services,
        history: &History<Command<Self>, Answer<Self>>,
    ) -> Result<(), Violation>;
}

/// The commands of a workload.
pub type Command<W> = <<W as Workload>::Model as Model>::Command;

/// The answers of a workload.
pub type Answer<W> = <<W as Workload>::Model as Model>::Answer;

/// What a correct system does, one command after another, in as few lines as possible: no store, no
/// time, no faults.
///
/// The default is the state before the first command. A run passes if there is an order of its
/// commands in which the model answers each as its client was answered, no command comes before one
/// that had been answered when it was asked, and the model ends as the system does: the system is
/// *linearizable* (Herlihy and Wing, TOPLAS 1990).
pub trait Model: Clone + Debug + Default + Eq + Hash + Send + Sync + 'static {
    /// What clients ask.
    type Command: Clone + Debug + Send + Sync + 'static;
    /// What they are told.
    type Answer: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// The [code](crate::Error::code) of the refusal; a refused command changes nothing.
    fn apply(&mut self, command: &Self::Command) -> Result<Self::Answer, &'static str>;

    /// Returns whether a command changes nothing, whatever the state: an order is found much sooner
    /// where that is known. Said of a command that may change something, it lets a right order be missed.
    fn is_look(_command: &Self::Command) -> bool {
        false
    }
}

/// A command that a client is going to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn<C> {
    pub(super) part: String,
    pub(super) command: C,
    pub(super) is_keyed: bool,
}

impl<C> Drawn<C> {
    /// Draws a command that honours its idempotency key: its client repeats it until it knows.
    ///
    /// Commands on different parts do not touch each other; each part has a model of its own.
    pub fn keyed(part: impl Into<String>, command: C) -> Self {
        let part = part.into();
        Self {
            part,
            command,
            is_keyed: true,
        }
    }

    /// Draws a command without a key: its client must not repeat what may have happened, and never
    /// learns about it.
    pub fn keyless(part: impl Into<String>, command: C) -> Self {
        let part = part.into();
        Self {
            part,
            command,
            is_keyed: false,
        }
    }
}
