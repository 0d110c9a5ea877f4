use std::collections::BTreeSet;

use mp_core::{
    Command, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp, id::AppId,
    store::Partition,
};
use serde::{Deserialize, Serialize};

use super::script::TICKS;

/// The evening itself: what it was begun with, and how far it has come.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Evening {
    pub(crate) seed: u64,
    pub(crate) visitors: u32,
    pub(crate) opens_at: Timestamp,
    /// The tick that is going on; the last visitors come in the one before [`TICKS`].
    pub(crate) tick: u32,
    /// The evening's own clock when this was written.
    pub(crate) clock: Timestamp,
    pub(crate) over: bool,
}

impl Document for Evening {
    const KIND: &'static str = "evening";
    const FORMAT: u32 = 1;
}

/// What came about in one tick, so far.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Tick {
    pub(crate) done: Counts,
}

impl Document for Tick {
    const KIND: &'static str = "tick";
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
/// was.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    engine: Engine,
    app: AppId,
}

impl Progress {
    pub(crate) fn new(engine: &Engine, app: &AppId) -> Self {
        Self {
            engine: engine.clone(),
            app: app.clone(),
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
                Ok(mp_core::Decision::unchanged((*begun).clone()))
            }
            Some(begun) => Err(another_evening(&begun)),
        };
        Ok(self
            .engine
            .run(Command::on(self.evening()?), decide)
            .await?
            .answer)
    }

    /// Notes how far the evening has come.
    pub(crate) async fn reach(&self, evening: Evening) -> Result<(), Error> {
        let decide = move |_: &Family, _| {
            let mut edits = Edits::new();
            edits.put_root(evening.clone());
            Ok::<_, Error>(edits.answer(()))
        };
        self.engine
            .run(Command::on(self.evening()?), decide)
            .await?;
        Ok(())
    }

    /// Notes that somebody (`v17`, or `s3` for a stall's staff) is done with a tick; noting it twice
    /// counts once.
    pub(crate) async fn done(&self, tick: u32, who: String, counts: Counts) -> Result<(), Error> {
        let key = format!("d/{who}");
        let command = Command::on(self.tick(tick)?).key(&key);
        let decide = move |family: &Family, _| {
            if family.get::<Counts>(&key)?.is_some() {
                return Ok::<_, Error>(mp_core::Decision::unchanged(()));
            }
            let before = family
                .root::<Tick>()?
                .map_or_else(Tick::default, |tick| (*tick).clone());
            let mut edits = Edits::new();
            edits.put_root(Tick {
                done: before.done.plus(counts),
            });
            edits.put(&key, counts);
            Ok(edits.answer(()))
        };
        self.engine.run(command, decide).await?;
        Ok(())
    }

    /// Returns who is done with a tick.
    pub(crate) async fn who(&self, tick: u32) -> Result<BTreeSet<String>, Error> {
        let family = self
            .engine
            .read(Command::on(self.tick(tick)?).prefix("d/"))
            .await?;
        let done = family.scan::<Counts>("d/")?.into_iter();
        Ok(done
            .map(|(key, _)| key.as_str().trim_start_matches("d/").to_owned())
            .collect())
    }

    /// Returns what came about in all ticks so far.
    pub(crate) async fn total(&self) -> Result<Counts, Error> {
        let mut total = Counts::default();
        for tick in 0.. {
            let family = self.engine.read(Command::on(self.tick(tick)?)).await?;
            match family.root::<Tick>()? {
                Some(tick) => total = total.plus(tick.done),
                // A tick in which nobody was done with anything has no record.
                None if tick >= TICKS => break,
                None => {}
            }
        }
        Ok(total)
    }

    /// Returns whether the evening in this store is over.
    pub(crate) async fn is_over(&self) -> Result<bool, Error> {
        let evening = self.engine.read(Command::on(self.evening()?)).await?;
        Ok(evening
            .root::<Evening>()?
            .is_some_and(|evening| evening.over))
    }

    /// Returns how many visitors the evening was begun for.
    pub(crate) async fn visitors(&self) -> Result<u64, Error> {
        let evening = self.engine.read(Command::on(self.evening()?)).await?;
        Ok(evening
            .root::<Evening>()?
            .map_or(0, |evening| u64::from(evening.visitors)))
    }

    fn evening(&self) -> Result<Partition, Error> {
        Partition::new(&self.app, "evening", "tonight")
    }

    fn tick(&self, tick: u32) -> Result<Partition, Error> {
        Partition::new(&self.app, "tick", &tick.to_string())
    }
}

fn another_evening(begun: &Evening) -> Error {
    let message = format!(
        "this store holds an evening with --visitors {} --seed {}: give those, or another store",
        begun.visitors, begun.seed
    );
    Error::new(ErrorKind::Refused, "another_evening", message)
}
