use std::sync::Arc;

use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
    id::AppId,
    store::Partition,
};
use serde::{Deserialize, Serialize};

use super::persist::persist;

/// The evening itself: what it was begun with, and how far it has come.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Evening {
    pub(crate) seed: u64,
    pub(crate) visitors: u32,
    pub(crate) opens_at: Timestamp,
    /// The tick that is going on; the last visitors come in the one before
    /// [`TICKS`](super::script::TICKS).
    pub(crate) tick: u32,
    /// The evening's own clock when the tick began.
    pub(crate) clock: Timestamp,
    pub(crate) over: bool,
    /// What came about in all ticks before.
    #[serde(default)]
    pub(crate) done: Counts,
}

impl Document for Evening {
    const KIND: &'static str = "evening";
    const FORMAT: u32 = 1;
}

/// What a visitor did that leaves no record of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Counts {
    pub(crate) operations: u64,
    pub(crate) locates: u64,
    pub(crate) links_verified: u64,
}

impl Document for Counts {
    const KIND: &'static str = "visit";
    const FORMAT: u32 = 1;
}

impl Counts {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            locates: self.locates + other.locates,
            links_verified: self.links_verified + other.links_verified,
        }
    }
}

/// Keeps account of the evening in the market's own store, so that a killed run goes on where it
/// was, and any number of processes hold it together: each does the [portions] of a tick that it has
/// claimed, and all go on to the next tick [at the same time].
///
/// [portions]: super::portion::Portion
/// [at the same time]: Self::end
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) engine: Engine,
    pub(crate) app: AppId,
    /// The name of this process among those that hold the evening.
    pub(crate) me: String,
    /// Tells who is alive; everything else goes by the evening's own clock.
    pub(crate) wall: Arc<dyn Clock>,
}

impl Progress {
    pub(crate) fn new(engine: &Engine, app: &AppId) -> Self {
        let mut name = [0; 8];
        SystemEntropy::new().fill(&mut name);
        Self {
            engine: engine.clone(),
            app: app.clone(),
            me: format!("{:016x}", u64::from_be_bytes(name)),
            wall: Arc::new(SystemClock),
        }
    }

    /// Begins the evening, or returns the one that was begun with the same arguments.
    pub(crate) async fn begin(&self, wanted: Evening) -> Result<Evening, Error> {
        let decide = move |family: &Family, _| match family.root::<Evening>()? {
            None => {
                let mut edits = Edits::new();
                edits.put_root(wanted.clone());
                Ok(edits.answer(wanted.clone()))
            }
            Some(begun) if (begun.seed, begun.visitors) == (wanted.seed, wanted.visitors) => {
                Ok(Decision::unchanged((*begun).clone()))
            }
            Some(begun) => Err(another_evening(&begun)),
        };
        let command = Command::on(self.evening()?);
        let begun = persist(|| self.engine.run(command.clone(), decide.clone())).await?;
        Ok(begun.answer)
    }

    /// Returns the evening in this store, if one was begun.
    pub(crate) async fn tonight(&self) -> Result<Option<Evening>, Error> {
        let command = Command::on(self.evening()?);
        let family = persist(|| self.engine.read(command.clone())).await?;
        Ok(family.root::<Evening>()?.map(|evening| (*evening).clone()))
    }

    /// Returns what came about in an evening so far.
    pub(crate) async fn total(&self, evening: &Evening) -> Result<Counts, Error> {
        Ok(evening.done.plus(self.so_far(evening.tick).await?))
    }

    pub(crate) fn evening(&self) -> Result<Partition, Error> {
        Partition::new(&self.app, "evening", "tonight")
    }
}

fn another_evening(begun: &Evening) -> Error {
    let message = format!(
        "this store holds an evening with --visitors {} --seed {}: give those, or another store",
        begun.visitors, begun.seed
    );
    Error::new(ErrorKind::Refused, "another_evening", message)
}
