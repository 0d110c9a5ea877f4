use std::{collections::BTreeSet, ops::Range};

use mp_core::{Command, Decision, Document, Edits, Error, Family, store::Partition};
use serde::{Deserialize, Serialize};

use super::{
    peer::Roster,
    persist::persist,
    progress::{Counts, Progress},
};

/// The most portions of a tick, and so the most processes that have something to do at once.
pub(crate) const PORTIONS_MAX: usize = 16;

/// How few turns are not worth a portion.
const TURNS_MIN: usize = 3;

/// Some of a tick's turns, one after the other; one process at a time does them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Portion {
    pub(crate) tick: u32,
    pub(crate) number: usize,
    /// Which of the tick's turns.
    pub(crate) places: Range<usize>,
}

/// What came about in one portion so far, and who does the rest of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Record {
    done: Counts,
    /// How many turns nobody has noted as done.
    left: usize,
    /// Which process claimed it last.
    by: String,
}

impl Document for Record {
    const KIND: &'static str = "tick";
    const FORMAT: u32 = 1;
}

/// What a process that wants a portion is told.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Claim {
    /// It does the portion, except for those who are done already.
    Ours(BTreeSet<String>),
    /// Somebody else does it, and is alive.
    Theirs,
    /// Nothing is left of it; this came about.
    Done(Counts),
}

impl Portion {
    /// Divides so many turns into portions; it depends on nothing that processes may differ in.
    pub(crate) fn all(tick: u32, turns: usize) -> Vec<Self> {
        let count = (turns / TURNS_MIN).clamp(1, PORTIONS_MAX);
        let start = |number: usize| number * turns / count;
        let portion = |number| Self {
            tick,
            number,
            places: start(number)..start(number + 1),
        };
        (0..count).map(portion).collect()
    }
}

impl Progress {
    /// Claims a portion, also one whose process has died over it.
    pub(crate) async fn claim(&self, portion: &Portion, roster: &Roster) -> Result<Claim, Error> {
        let command = Command::on(self.portion(portion.tick, portion.number)?).prefix("d/");
        let (turns, me, roster) = (portion.places.len(), self.me.clone(), roster.clone());
        let decide = move |family: &Family, _| {
            let record = family
                .root::<Record>()?
                .map_or_else(|| Record::new(turns), |record| (*record).clone());
            if record.left == 0 {
                return Ok(Decision::unchanged(Claim::Done(record.done)));
            }
            let theirs = !record.by.is_empty() && record.by != me && !roster.is_gone(&record.by);
            if theirs {
                return Ok(Decision::unchanged(Claim::Theirs));
            }
            let done = family.scan::<Counts>("d/")?.into_iter();
            let done = done.map(|(key, _)| key.as_str().trim_start_matches("d/").to_owned());
            let mut edits = Edits::new();
            edits.put_root(Record {
                by: me.clone(),
                ..record
            });
            Ok::<_, Error>(edits.answer(Claim::Ours(done.collect())))
        };
        let claimed = persist(|| self.engine.run(command.clone(), decide.clone())).await?;
        Ok(claimed.answer)
    }

    /// Notes that somebody (`v17`, or `s3.0` for a stall's staff) is done with a portion; noting it
    /// twice counts once. Returns whether it was the first time.
    pub(crate) async fn done(
        &self,
        portion: &Portion,
        who: &str,
        counts: Counts,
    ) -> Result<bool, Error> {
        let key = format!("d/{who}");
        let command = Command::on(self.portion(portion.tick, portion.number)?).key(&key);
        let decide = move |family: &Family, _| {
            let Some(record) = family.root::<Record>()? else {
                return Err(Error::not_found("portion"));
            };
            if family.get::<Counts>(&key)?.is_some() {
                return Ok(Decision::unchanged(false));
            }
            let mut edits = Edits::new();
            edits.put_root(Record {
                done: record.done.plus(counts),
                left: record.left.saturating_sub(1),
                by: record.by.clone(),
            });
            edits.put(&key, counts);
            Ok(edits.answer(true))
        };
        let noted = persist(|| self.engine.run(command.clone(), decide.clone())).await?;
        Ok(noted.answer)
    }

    /// Returns what came about in a tick so far.
    pub(crate) async fn so_far(&self, tick: u32) -> Result<Counts, Error> {
        let mut sum = Counts::default();
        for number in 0..PORTIONS_MAX {
            let command = Command::on(self.portion(tick, number)?);
            let family = persist(|| self.engine.read(command.clone())).await?;
            if let Some(record) = family.root::<Record>()? {
                sum = sum.plus(record.done);
            }
        }
        Ok(sum)
    }

    fn portion(&self, tick: u32, number: usize) -> Result<Partition, Error> {
        Partition::new(&self.app, "tick", &format!("{tick}.{number}"))
    }
}

impl Record {
    fn new(turns: usize) -> Self {
        Self {
            done: Counts::default(),
            left: turns,
            by: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_every_turn_once_and_none_is_empty() {
        for turns in 1..200 {
            let portions = Portion::all(3, turns);
            let places: Vec<usize> = portions.iter().flat_map(|p| p.places.clone()).collect();
            assert_eq!(places, (0..turns).collect::<Vec<_>>());
            assert!(portions.iter().all(|portion| !portion.places.is_empty()));
            assert!(portions.len() <= PORTIONS_MAX);
        }
    }
}
