use std::collections::{BTreeMap, btree_map::Entry};

use bytes::Bytes;
use mp_core::{
    Timestamp,
    store::{
        Batch, Change, Changes, CommitId, Delivery, DueQuery, Key, Limits, Outcome, Partition,
        Query, Record, Settle, StoreError, StoreErrorKind, Version, View, Write,
    },
};
use serde::{Deserialize, Serialize};

/// One partition, as its file has it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Family {
    head: u64,
    commit_id: u128,
    at: Timestamp,
    records: BTreeMap<String, Row>,
    deliveries: BTreeMap<String, Pending>,
}

/// A record. Without a value it says that there was one: for good, so that no answer lapses.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    version: u64,
    value: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Pending {
    version: u64,
    value: String,
    due_at: Timestamp,
    lease: Option<Timestamp>,
    dead: bool,
    attempts: u32,
    last_error: Option<String>,
}

impl Family {
    /// Applies a batch. After an error the family is not to be kept.
    pub(crate) fn commit(&mut self, batch: &Batch, limits: &Limits) -> Result<Version, StoreError> {
        batch.check(limits)?;
        if Version(self.head) != batch.expect {
            return Err(StoreError::conflict());
        }
        self.head = batch.expect.next(batch.at).0;
        self.commit_id = batch.commit_id.0;
        // A caller's clock may run back; the head's time does not.
        self.at = self.at.max(batch.at);
        for write in &batch.writes {
            self.write(write)?;
        }
        Ok(Version(self.head))
    }

    fn write(&mut self, write: &Write) -> Result<(), StoreError> {
        let (key, version) = (write.key().to_string(), self.head);
        match write {
            Write::Put { value, .. } => {
                let value = Some(text(value)?);
                self.records.insert(key, Row { version, value });
            }
            Write::Deliver { value, due_at, .. } => {
                let (value, due_at) = (text(value)?, *due_at);
                let pending = Pending {
                    version,
                    value,
                    due_at,
                    ..Pending::default()
                };
                self.deliveries.insert(key, pending);
            }
            Write::Delete { .. } => {
                self.deliveries.remove(&key);
                if let Some(row) = self.records.get_mut(&key)
                    && row.value.take().is_some()
                {
                    row.version = version;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn read(&self, query: &Query) -> Result<View, StoreError> {
        let mut records = BTreeMap::new();
        for selection in &query.select {
            for (key, row) in self.records.range(selection.first().to_string()..) {
                let key = self::key(key)?;
                if !selection.contains(&key) {
                    break;
                }
                records.extend(row.record(&key).map(|record| (key, record)));
            }
        }
        let root = self
            .records
            .get("")
            .and_then(|row| row.record(&Key::root()));
        records.remove(&Key::root());
        let limit = query.limit as usize;
        Ok(View {
            head: Version(self.head),
            commit_id: CommitId(self.commit_id),
            at: self.at,
            more: records.len() > limit,
            records: root
                .into_iter()
                .chain(records.into_values().take(limit))
                .collect(),
        })
    }

    pub(crate) fn changes(&self, since: Version, limit: u32) -> Result<Changes, StoreError> {
        let later = self
            .records
            .iter()
            .filter(|(_, row)| Version(row.version) > since);
        let change = |(key, row): (&String, &Row)| {
            Ok(Change {
                key: self::key(key)?,
                version: Version(row.version),
                value: row.value.clone().map(Bytes::from),
            })
        };
        let mut items = later.map(change).collect::<Result<Vec<_>, StoreError>>()?;
        items.sort_by(|a, b| (a.version, &a.key).cmp(&(b.version, &b.key)));
        Ok(Changes::cut(items, Version(self.head), limit, false))
    }

    /// Returns the keys of what is due, each after the time since when it is.
    pub(crate) fn due(&self, query: &DueQuery) -> Result<Vec<(Timestamp, Key)>, StoreError> {
        let awake = self
            .deliveries
            .iter()
            .filter(|(_, pending)| !pending.dead && pending.wakes_at() <= query.now);
        let keys = awake.map(|(key, pending)| Ok((pending.wakes_at(), self::key(key)?)));
        let mut due = keys.collect::<Result<Vec<_>, _>>()?;
        due.retain(|(_, key)| key.delivery_kind() == Some(&query.kind));
        Ok(due)
    }

    pub(crate) fn lease(
        &mut self,
        partition: &Partition,
        key: &Key,
        query: &DueQuery,
    ) -> Option<Delivery> {
        let pending = self.deliveries.get_mut(key.as_str())?;
        pending.due_at = pending.wakes_at();
        pending.lease = Some(query.now.plus(query.lease));
        pending.attempts += 1;
        Some(pending.delivery(partition, key))
    }

    /// Settles a delivery if its fence holds, and returns whether it did.
    pub(crate) fn settle(&mut self, settle: &Settle) -> bool {
        let Entry::Occupied(mut entry) = self.deliveries.entry(settle.key.to_string()) else {
            return false;
        };
        let held = entry.get().holds(settle);
        if held && settle.outcome == Outcome::Done {
            entry.remove();
        } else if held {
            entry.get_mut().settle(&settle.outcome);
        }
        held
    }

    pub(crate) fn dead(&self, partition: &Partition) -> Result<Vec<Delivery>, StoreError> {
        let dead = self.deliveries.iter().filter(|(_, pending)| pending.dead);
        dead.map(|(key, pending)| Ok(pending.delivery(partition, &self::key(key)?)))
            .collect()
    }
}

impl Row {
    fn record(&self, key: &Key) -> Option<Record> {
        Some(Record {
            key: key.clone(),
            version: Version(self.version),
            value: self.value.clone()?.into(),
        })
    }
}

impl Pending {
    fn wakes_at(&self) -> Timestamp {
        self.lease.unwrap_or(self.due_at)
    }

    fn holds(&self, settle: &Settle) -> bool {
        Version(self.version) == settle.version
            && self.lease == settle.lease
            && self.dead == settle.lease.is_none()
    }

    fn settle(&mut self, outcome: &Outcome) {
        self.lease = None;
        self.dead = matches!(outcome, Outcome::Dead { .. });
        match outcome {
            Outcome::Redrive { at } => (self.due_at, self.attempts) = (*at, 0),
            Outcome::Again { at, .. } => self.due_at = *at,
            Outcome::Dead { .. } | Outcome::Done => {}
        }
        if !matches!(outcome, Outcome::Redrive { .. }) {
            self.last_error = outcome.error().map(str::to_owned);
        }
    }

    fn delivery(&self, partition: &Partition, key: &Key) -> Delivery {
        Delivery {
            partition: partition.clone(),
            key: key.clone(),
            version: Version(self.version),
            value: self.value.clone().into(),
            due_at: self.due_at,
            lease: self.lease,
            attempts: self.attempts,
            last_error: self.last_error.clone(),
        }
    }
}

fn text(value: &Bytes) -> Result<String, StoreError> {
    let not_text = |_| StoreError::invalid("commit", "a value is not UTF-8 text");
    str::from_utf8(value).map(str::to_owned).map_err(not_text)
}

fn key(text: &str) -> Result<Key, StoreError> {
    Key::new(text).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, "load", error))
}
