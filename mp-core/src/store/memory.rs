use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque, hash_map},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Batch, Change, Changes, CommitId, DELETION_MEMORY, Delivery, DueQuery, Key, Limits, Listing,
    Outcome, Partition, Query, Record, Selection, Settle, Store, StoreError, Version, View, Write,
};
use crate::clock::Timestamp;

/// The readable reference store: every clause of the contract in ordinary maps.
///
/// It keeps nothing when the process ends; that is the one clause (*Durable*) it cannot keep.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    families: HashMap<Partition, Family>,
    calendar: Calendar,
}

/// Where the deliveries of all partitions are found again.
#[derive(Debug, Default)]
struct Calendar {
    /// Deliveries by kind, in the order they come up; dead ones are not in here.
    due: BTreeMap<String, BTreeSet<(Timestamp, Partition, Key)>>,
    dead: BTreeSet<(Partition, Key)>,
}

#[derive(Debug, Default)]
struct Family {
    head: Version,
    commit_id: CommitId,
    at: Timestamp,
    records: BTreeMap<Key, (Version, Bytes)>,
    deliveries: BTreeMap<Key, Pending>,
    deleted: BTreeMap<Key, Version>,
    /// The same deletions in the order they were made, for forgetting them.
    deletions: VecDeque<(Timestamp, Version, Key)>,
    /// The greatest version whose deletions were forgotten.
    forgotten: Version,
}

#[derive(Clone, Debug)]
struct Pending {
    version: Version,
    value: Bytes,
    due_at: Timestamp,
    lease: Option<Timestamp>,
    dead: bool,
    attempts: u32,
    last_error: Option<String>,
}

impl Pending {
    /// Returns when the record next comes up: at the end of its lease, or when it is due.
    fn wakes_at(&self) -> Timestamp {
        self.lease.unwrap_or(self.due_at)
    }
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn commit(&mut self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        batch.check(&Limits::STANDARD)?;
        let place = self.families.entry(partition.clone());
        let head = match &place {
            hash_map::Entry::Occupied(family) => family.get().head,
            hash_map::Entry::Vacant(_) => Version::ABSENT,
        };
        if head != batch.expect {
            return Err(StoreError::conflict());
        }
        let version = head.next(batch.at);
        let family = place.or_default();
        family.head = version;
        family.commit_id = batch.commit_id;
        // It does not run back when a caller's clock does; deletions are dated by it.
        family.at = family.at.max(batch.at);
        for write in batch.writes {
            family.apply(partition, write, &mut self.calendar);
        }
        family.forget_deletions();
        Ok(version)
    }

    fn lease(&mut self, query: &DueQuery) -> Vec<Delivery> {
        let Some(due) = self.calendar.due.get(&query.kind) else {
            return Vec::new();
        };
        let claimed: Vec<(Partition, Key)> = due
            .iter()
            .take_while(|(at, ..)| *at <= query.now)
            .filter(|(_, partition, _)| query.slots.contains(partition.slot()))
            .take(query.limit as usize)
            .map(|(_, partition, key)| (partition.clone(), key.clone()))
            .collect();
        claimed
            .into_iter()
            .filter_map(|(partition, key)| self.claim(partition, key, query))
            .collect()
    }

    fn claim(&mut self, partition: Partition, key: Key, query: &DueQuery) -> Option<Delivery> {
        let family = self.families.get_mut(&partition)?;
        let mut pending = family.unschedule(&partition, &key, &mut self.calendar)?;
        pending.due_at = pending.wakes_at();
        pending.lease = Some(query.now.plus(query.lease));
        pending.attempts += 1;
        let delivery = pending.delivery(&partition, &key);
        family.schedule(&partition, key, pending, &mut self.calendar);
        Some(delivery)
    }

    fn settle(&mut self, settle: Settle) -> bool {
        let Some(family) = self.families.get_mut(&settle.partition) else {
            return false;
        };
        let held = family.deliveries.get(&settle.key).is_some_and(|pending| {
            pending.version == settle.version
                && pending.lease == settle.lease
                && pending.dead == settle.lease.is_none()
        });
        if !held {
            return false;
        }
        if let Some(pending) = family.unschedule(&settle.partition, &settle.key, &mut self.calendar)
            && let Some(pending) = pending.settled(settle.outcome)
        {
            family.schedule(&settle.partition, settle.key, pending, &mut self.calendar);
        }
        true
    }
}

impl Calendar {
    fn enter(&mut self, partition: &Partition, key: &Key, pending: &Pending) {
        let (partition, key) = (partition.clone(), key.clone());
        if pending.dead {
            self.dead.insert((partition, key));
            return;
        }
        let kind = key.delivery_kind().unwrap_or_default();
        if let Some(due) = self.due.get_mut(kind) {
            due.insert((pending.wakes_at(), partition, key));
        } else {
            let due = BTreeSet::from([(pending.wakes_at(), partition, key.clone())]);
            self.due.insert(kind.to_owned(), due);
        }
    }

    fn strike(&mut self, partition: &Partition, key: &Key, pending: &Pending) {
        let (partition, key) = (partition.clone(), key.clone());
        if pending.dead {
            self.dead.remove(&(partition, key));
        } else if let Some(due) = self.due.get_mut(key.delivery_kind().unwrap_or_default()) {
            due.remove(&(pending.wakes_at(), partition, key));
        }
    }
}

impl Pending {
    fn settled(mut self, outcome: Outcome) -> Option<Self> {
        self.lease = None;
        self.dead = false;
        let error = outcome.error().map(str::to_owned);
        match outcome {
            Outcome::Done => return None,
            Outcome::Again { at, .. } => {
                self.due_at = at;
                self.last_error = error;
            }
            Outcome::Dead { .. } => {
                self.dead = true;
                self.last_error = error;
            }
            Outcome::Redrive { at } => {
                self.due_at = at;
                self.attempts = 0;
            }
        }
        Some(self)
    }

    fn delivery(&self, partition: &Partition, key: &Key) -> Delivery {
        Delivery {
            partition: partition.clone(),
            key: key.clone(),
            version: self.version,
            value: self.value.clone(),
            due_at: self.due_at,
            lease: self.lease,
            attempts: self.attempts,
            last_error: self.last_error.clone(),
        }
    }
}

impl Family {
    /// Applies a write of the commit that has just become the head.
    fn apply(&mut self, partition: &Partition, write: Write, calendar: &mut Calendar) {
        if write.key().is_delivery() {
            self.unschedule(partition, write.key(), calendar);
        }
        let version = self.head;
        match write {
            Write::Put { key, value, .. } => {
                self.deleted.remove(&key);
                self.records.insert(key, (version, value));
            }
            Write::Delete { key } => {
                if self.records.remove(&key).is_some() {
                    self.deletions.push_back((self.at, version, key.clone()));
                    self.deleted.insert(key, version);
                }
            }
            Write::Deliver {
                key, value, due_at, ..
            } => {
                let pending = Pending {
                    version,
                    value,
                    due_at,
                    lease: None,
                    dead: false,
                    attempts: 0,
                    last_error: None,
                };
                self.schedule(partition, key, pending, calendar);
            }
        }
    }

    fn schedule(
        &mut self,
        partition: &Partition,
        key: Key,
        pending: Pending,
        calendar: &mut Calendar,
    ) {
        calendar.enter(partition, &key, &pending);
        self.deliveries.insert(key, pending);
    }

    fn unschedule(
        &mut self,
        partition: &Partition,
        key: &Key,
        calendar: &mut Calendar,
    ) -> Option<Pending> {
        let pending = self.deliveries.remove(key)?;
        calendar.strike(partition, key, &pending);
        Some(pending)
    }

    fn read(&self, query: &Query) -> View {
        let mut selected: BTreeMap<&Key, &(Version, Bytes)> = BTreeMap::new();
        for selection in &query.select {
            selected.extend(self.selected(selection));
        }
        let root = Key::root();
        selected.remove(&root);
        let more = selected.len() > query.limit as usize;
        let records = self
            .records
            .get_key_value(&root)
            .into_iter()
            .chain(selected.into_iter().take(query.limit as usize))
            .map(|(key, (version, value))| Record {
                key: key.clone(),
                version: *version,
                value: value.clone(),
            })
            .collect();
        View {
            head: self.head,
            commit_id: self.commit_id,
            at: self.at,
            records,
            more,
        }
    }

    fn selected(&self, selection: &Selection) -> impl Iterator<Item = (&Key, &(Version, Bytes))> {
        self.records
            .range::<Key, _>(selection.first()..)
            .take_while(move |(key, _)| selection.contains(key))
    }

    fn changes(&self, since: Version, limit: u32) -> Changes {
        let puts = self
            .records
            .iter()
            .filter(|(_, (version, _))| *version > since);
        let puts = puts.map(|(key, (version, value))| (key, *version, Some(value.clone())));
        let deletes = self.deleted.iter().filter(|(_, version)| **version > since);
        let deletes = deletes.map(|(key, version)| (key, *version, None));
        let mut items: Vec<Change> = puts
            .chain(deletes)
            .map(|(key, version, value)| Change {
                key: key.clone(),
                version,
                value,
            })
            .collect();
        items.sort_by(|a, b| (a.version, &a.key).cmp(&(b.version, &b.key)));
        let lapsed = since < self.forgotten;
        Changes::cut(items, self.head, limit, lapsed)
    }

    fn forget_deletions(&mut self) {
        let horizon = self.at.minus(DELETION_MEMORY);
        while let Some((_, version, key)) = self.deletions.pop_front_if(|(at, ..)| *at < horizon) {
            self.forgotten = self.forgotten.max(version);
            // The key may have been put and deleted again since: then the later deletion stays.
            if self.deleted.get(&key) == Some(&version) {
                self.deleted.remove(&key);
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn limits(&self) -> Limits {
        Limits::STANDARD
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.limits().check_read("read", query.limit)?;
        Ok(self.with(|state| {
            state
                .families
                .get(partition)
                .map_or_else(View::default, |family| family.read(query))
        }))
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.with(|state| state.commit(partition, batch))
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        if let Err(twice) = Batch::check_apart(&batches) {
            return vec![Err(twice); batches.len()];
        }
        self.with(|state| {
            batches
                .into_iter()
                .map(|(partition, batch)| state.commit(&partition, batch))
                .collect()
        })
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.limits().check_due("due", query.limit)?;
        Ok(self.with(|state| state.lease(query)))
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        Ok(self.with(|state| {
            settles
                .into_iter()
                .map(|settle| state.settle(settle))
                .collect()
        }))
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.limits().check_due("dead", limit)?;
        Ok(self.with(|state| {
            let listed = state
                .calendar
                .dead
                .iter()
                .filter(|(partition, key)| after.is_none_or(|after| (partition, key) > after))
                .take(limit as usize);
            listed
                .filter_map(|(partition, key)| {
                    let pending = state.families.get(partition)?.deliveries.get(key)?;
                    Some(pending.delivery(partition, key))
                })
                .collect()
        }))
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.limits().check_read("changes", limit)?;
        Ok(self.with(|state| {
            let family = state.families.get(partition);
            family.map_or_else(Changes::default, |family| family.changes(since, limit))
        }))
    }
}

#[async_trait]
impl Listing for MemoryStore {
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        self.limits().check_read("partitions", limit)?;
        Ok(self.with(|state| {
            let later = |partition: &&Partition| after.is_none_or(|after| *partition > after);
            let mut listed: Vec<Partition> = state.families.keys().filter(later).cloned().collect();
            listed.sort_unstable();
            listed.truncate(limit as usize);
            listed
        }))
    }
}
