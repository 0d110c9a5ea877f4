use std::{collections::BTreeMap, mem, ops::AddAssign, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    AGE_MIN, Archive, Archived, Retired, Rule,
    stretch::{Finding, Mark, judge, read_all, read_first, read_on, readable, with_dead_work},
};
use crate::{
    clock::Timestamp,
    document::{self, Newer},
    engine::Engine,
    error::Error,
    store::{Batch, CommitId, Key, Listing, Partition, Record, StoreErrorKind, View, Write},
};

/// How many partitions are read at a time, and archived and retired at most.
const STRETCH: u32 = 128;

/// How many records are archived and retired together, unless one aggregate has more.
const TOGETHER: usize = 100_000;

/// What is done about aggregates of one kind.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) rule: Arc<dyn Rule>,
    age: Duration,
    archived: bool,
}

impl Policy {
    #[cfg(test)]
    pub(super) fn archiving(rule: Arc<dyn Rule>, age: Duration) -> Self {
        Self {
            rule,
            age,
            archived: true,
        }
    }

    /// Returns whether what a view shows has not changed for so long that it may be retired.
    pub(super) fn is_old_enough(&self, view: &View, now: Timestamp) -> bool {
        now >= view.at.plus(self.age.max(AGE_MIN))
    }
}

/// Retires what is closed, by policy; see [the module](super).
#[derive(Clone, Debug)]
pub struct Retention {
    engine: Engine,
    listing: Arc<dyn Listing>,
    archive: Arc<dyn Archive>,
    policies: BTreeMap<String, Policy>,
}

/// What a sweep has found and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sweep {
    /// Where the next stretch begins; `None` at the end.
    pub next: Option<Partition>,
    /// Partitions of the kinds that there is a policy for.
    pub seen: u64,
    /// Aggregates that were retired.
    pub retired: u64,
    /// Aggregates that are open, or not old enough.
    pub live: u64,
    /// Aggregates that changed while they were being retired, or of which it is not known whether
    /// they were retired: the next sweep sees.
    pub unsettled: u64,
    /// Aggregates that would be retired if no work of theirs lay dead.
    pub stuck: u64,
    /// Aggregates that do not read back, or cannot be judged or archived; why is told through `tracing`.
    pub unreadable: u64,
    /// Aggregates retired earlier whose last traces were cleared away.
    pub emptied: u64,
}

impl Retention {
    /// Makes a retention without policies over the engine's store, which must be able to list what
    /// it holds.
    #[must_use]
    pub fn new(engine: &Engine, listing: Arc<dyn Listing>, archive: Arc<dyn Archive>) -> Self {
        Self {
            engine: engine.clone(),
            listing,
            archive,
            policies: BTreeMap::new(),
        }
    }

    /// Archives what the rule takes for closed and what has not changed for `age`, which counts as
    /// at least [`AGE_MIN`](super::AGE_MIN).
    #[must_use]
    pub fn with(self, rule: Arc<dyn Rule>, age: Duration) -> Self {
        self.policy(rule, age, true)
    }

    /// Removes it without keeping it anywhere.
    #[must_use]
    pub fn with_discarded(self, rule: Arc<dyn Rule>, age: Duration) -> Self {
        self.policy(rule, age, false)
    }

    fn policy(mut self, rule: Arc<dyn Rule>, age: Duration, archived: bool) -> Self {
        let kind = rule.kind().to_owned();
        let policy = Policy {
            rule,
            age,
            archived,
        };
        self.policies.insert(kind, policy);
        self
    }

    /// Sweeps the whole store, stretch by stretch.
    ///
    /// # Errors
    ///
    /// The store's and the archive's; what was done stays done, and the next sweep goes on.
    pub async fn sweep_all(&self) -> Result<Sweep, Error> {
        let mut all = Sweep::default();
        loop {
            let next = all.next.take();
            all += self.sweep(next.as_ref()).await?;
            if all.next.is_none() {
                return Ok(all);
            }
        }
    }

    /// Sweeps the stretch of partitions after the given one, or the first: 128 of them, which it holds
    /// in memory whole, and a second time as text those that go into the archive together.
    ///
    /// # Errors
    ///
    /// The store's and the archive's; what was done stays done, and the next sweep goes on.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn sweep(&self, after: Option<&Partition>) -> Result<Sweep, Error> {
        let limit = STRETCH.min(self.listing.limits().read_max).max(1);
        let mut partitions = self.listing.partitions(after, limit).await?;
        let mut sweep = Sweep {
            next: partitions.last().cloned(),
            ..Sweep::default()
        };
        partitions.retain(|partition| self.policies.contains_key(partition.kind()));
        let views = read_all(&self.engine, &partitions).await?;
        let dead = with_dead_work(&self.engine, &partitions).await?;
        let (mut ripe, mut records) = (Vec::new(), 0);
        for (partition, view) in partitions.into_iter().zip(views) {
            let Some(policy) = self.policies.get(partition.kind()) else {
                continue;
            };
            sweep.seen += 1;
            let view = match view {
                Ok(view) if view.more && !dead.contains(&partition) => {
                    read_on(&self.engine, &partition, view, policy).await
                }
                view => view,
            };
            let Some(view) = readable(&partition, view)? else {
                sweep.unreadable += 1;
                continue;
            };
            match judge(&partition, &view, policy, self.engine.now()) {
                Finding::Ripe if dead.contains(&partition) => sweep.stuck += 1,
                Finding::Ripe => {
                    records += view.records.len();
                    ripe.push(Ripe::new(partition, view, policy.archived));
                    if records >= TOGETHER {
                        records = 0;
                        self.retire(mem::take(&mut ripe), &mut sweep).await?;
                    }
                }
                Finding::Live => sweep.live += 1,
                Finding::Unreadable => sweep.unreadable += 1,
                Finding::Leftovers(mark) => {
                    let large = view.records.len() > self.deletes_max();
                    sweep.emptied += u64::from(self.empty(&partition, mark, view).await?);
                    if large {
                        self.clear(&partition).await?;
                    }
                }
                Finding::Gone => {}
            }
        }
        self.retire(ripe, &mut sweep).await?;
        Ok(sweep)
    }

    /// Archives aggregates, then puts their marks.
    async fn retire(&self, ripe: Vec<Ripe>, sweep: &mut Sweep) -> Result<(), Error> {
        let now = self.engine.now();
        let (sound, broken): (Vec<_>, Vec<_>) = ripe.into_iter().partition(Ripe::is_sound);
        sweep.unreadable += broken.len() as u64;
        let kept = sound.iter().filter(|ripe| ripe.archived);
        let kept: Vec<Archived> = kept.map(Ripe::to_archived).collect();
        let place = match kept.is_empty() {
            true => None,
            false => Some(self.archive.keep(kept, now).await?),
        };
        let most = self.deletes_max();
        let large = sound.iter().filter(|ripe| ripe.view.records.len() > most);
        let large: Vec<Partition> = large.map(|ripe| ripe.partition.clone()).collect();
        let batches = sound.into_iter().map(|ripe| {
            let archive = place.clone().filter(|_| ripe.archived);
            self.batch(ripe, archive, now)
        });
        let batches = batches.collect::<Result<Vec<_>, Error>>()?;
        for outcome in self.engine.store().commit_many(batches).await {
            match outcome {
                Ok(_) => sweep.retired += 1,
                Err(error) if is_open(error.kind()) => sweep.unsettled += 1,
                // The others of the same call may have been retired: their marks tell.
                Err(error) => return Err(error.into()),
            }
        }
        for partition in large {
            self.clear(&partition).await?;
        }
        Ok(())
    }

    /// Deletes, batch by batch, what is left of an aggregate too large for one; what this does not
    /// finish the next sweep does.
    async fn clear(&self, partition: &Partition) -> Result<(), Error> {
        let mut cleared = None;
        loop {
            let view = read_first(&self.engine, partition, self.deletes_max()).await;
            let Some(view) = readable(partition, view)? else {
                return Ok(());
            };
            let root = view.records.first();
            let mark = root.and_then(|root| document::decode::<Retired>(&root.value).ok());
            match mark {
                // Each batch moves the head on.
                Some(mark) if view.records.len() > 1 && cleared != Some(view.head) => {
                    cleared = Some(view.head);
                    self.empty(partition, mark, view).await?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Returns how many records a batch deletes beside its mark.
    fn deletes_max(&self) -> usize {
        let most = self.engine.store().limits().writes_max;
        most.saturating_sub(1).max(1)
    }

    /// Puts the mark, and deletes as many of the other records as a batch takes.
    fn batch(
        &self,
        ripe: Ripe,
        archive: Option<String>,
        now: Timestamp,
    ) -> Result<(Partition, Batch), Error> {
        let mark = Retired {
            was: ripe.was(),
            head: ripe.view.head.0,
            archive,
            emptied: ripe.view.records.len() == 1,
        };
        let writes = self.clearing(&mark, None, &ripe.view)?;
        let batch = Batch {
            expect: ripe.view.head,
            commit_id: CommitId::random(),
            at: now,
            writes,
        };
        Ok((ripe.partition, batch))
    }

    fn clearing(
        &self,
        mark: &Retired,
        newer: Option<&Newer>,
        view: &View,
    ) -> Result<Vec<Write>, Error> {
        let most = self.deletes_max();
        let put = Write::put(Key::root(), document::encode(mark, newer)?);
        let others = view.records.iter().filter(|record| !record.key.is_root());
        let mut keys: Vec<Key> = others.take(most).map(|record| record.key.clone()).collect();
        if keys.is_empty() {
            // Stores forget old deletions when something is deleted, be it nothing.
            keys.push(Key::new(NOTHING)?);
        }
        let deletes = keys.into_iter().map(|key| Write::Delete { key });
        Ok([put].into_iter().chain(deletes).collect())
    }

    /// Deletes records that are left of a retired aggregate, or has the store forget that they
    /// were; returns whether nothing is left to be done.
    async fn empty(
        &self,
        partition: &Partition,
        (mut mark, newer): Mark,
        view: View,
    ) -> Result<bool, Error> {
        let now = self.engine.now();
        mark.emptied = view.records.len() == 1;
        let writes = self.clearing(&mark, newer.as_ref(), &view)?;
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: now,
            writes,
        };
        match self.engine.store().commit(partition, batch).await {
            Ok(_) => Ok(mark.emptied),
            // Another sweep was here, or it is not known: the next one sees.
            Err(error) if is_open(error.kind()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A key at which no record of a retired aggregate stands.
const NOTHING: &str = "retired";

const fn is_open(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Conflict | StoreErrorKind::Unknown)
}

/// An aggregate that is to be retired.
struct Ripe {
    partition: Partition,
    view: View,
    archived: bool,
}

impl Ripe {
    const fn new(partition: Partition, view: View, archived: bool) -> Self {
        Self {
            partition,
            view,
            archived,
        }
    }

    fn to_archived(&self) -> Archived {
        Archived {
            partition: self.partition.clone(),
            head: self.view.head,
            at: self.view.at,
            records: self.view.records.clone(),
        }
    }

    /// Returns whether it can be archived, if it is to be: it is read as the archive's lines are written,
    /// for what ignores a value does not see that a text in it is no Unicode.
    fn is_sound(&self) -> bool {
        let is_json = |record: &Record| serde_json::from_slice::<&RawValue>(&record.value).is_ok();
        let sound = !self.archived || self.view.records.iter().all(is_json);
        if !sound {
            tracing::warn!(partition = %self.partition, "not retired: a value is not JSON");
        }
        sound
    }

    /// Returns the kind of the root.
    fn was(&self) -> String {
        let root = self.view.records.first();
        let root = root.and_then(|root| serde_json::from_slice(&root.value).ok());
        root.map(|root: Kind| root.kind).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl AddAssign for Sweep {
    fn add_assign(&mut self, other: Self) {
        self.next = other.next;
        self.seen += other.seen;
        self.retired += other.retired;
        self.live += other.live;
        self.unsettled += other.unsettled;
        self.stuck += other.stuck;
        self.unreadable += other.unreadable;
        self.emptied += other.emptied;
    }
}
