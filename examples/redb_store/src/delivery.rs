use bytes::Bytes;
use mp_core::{
    Timestamp,
    store::{Delivery, DueQuery, Key, Outcome, Partition, Settle, Version},
};
use redb::{Error, ReadableTable};

use crate::{
    error::{key, partition},
    tables::{Columns, Tables},
};

/// A delivery as it is kept.
pub(crate) struct Pending {
    version: Version,
    value: Bytes,
    due_at: Timestamp,
    lease: Option<Timestamp>,
    dead: bool,
    attempts: u32,
    last_error: Option<String>,
}

impl Pending {
    /// Creates a delivery that was never leased.
    pub(crate) const fn new(version: Version, value: Bytes, due_at: Timestamp) -> Self {
        Self {
            version,
            value,
            due_at,
            lease: None,
            dead: false,
            attempts: 0,
            last_error: None,
        }
    }

    /// Returns when it next comes up: at the end of its lease, or when it is due.
    fn wakes_at(&self) -> Timestamp {
        self.lease.unwrap_or(self.due_at)
    }

    fn leased(mut self, query: &DueQuery) -> Self {
        self.due_at = self.wakes_at();
        self.lease = Some(query.now.plus(query.lease));
        self.attempts += 1;
        self
    }

    /// Returns whether the fence that a lease or a listing gave is still the one that stands.
    fn holds(&self, settle: &Settle) -> bool {
        self.version == settle.version
            && self.lease == settle.lease
            && self.dead == settle.lease.is_none()
    }

    fn settled(mut self, outcome: &Outcome) -> Option<Self> {
        self.lease = None;
        self.dead = matches!(outcome, Outcome::Dead { .. });
        match outcome {
            Outcome::Done => return None,
            Outcome::Again { at, .. } => self.due_at = *at,
            Outcome::Dead { .. } => {}
            Outcome::Redrive { at } => {
                self.due_at = *at;
                self.attempts = 0;
                return Some(self);
            }
        }
        self.last_error = outcome.error().map(str::to_owned);
        Some(self)
    }

    pub(crate) fn delivery(self, partition: Partition, key: Key) -> Delivery {
        Delivery {
            partition,
            key,
            version: self.version,
            value: self.value,
            due_at: self.due_at,
            lease: self.lease,
            attempts: self.attempts,
            last_error: self.last_error,
        }
    }

    fn columns(&self) -> Columns<'_> {
        (
            self.version.0,
            &self.value,
            self.due_at.as_micros(),
            self.lease.map(Timestamp::as_micros),
            self.dead,
            self.attempts,
            self.last_error.as_deref(),
        )
    }
}

impl From<Columns<'_>> for Pending {
    fn from(columns: Columns<'_>) -> Self {
        let (version, value, due_at, lease, dead, attempts, last_error) = columns;
        Self {
            version: Version(version),
            value: Bytes::copy_from_slice(value),
            due_at: Timestamp::from_micros(due_at),
            lease: lease.map(Timestamp::from_micros),
            dead,
            attempts,
            last_error: last_error.map(str::to_owned),
        }
    }
}

/// Leases what is due, the longest due first.
pub(crate) fn lease(tables: &mut Tables<'_>, query: &DueQuery) -> Result<Vec<Delivery>, Error> {
    let due = due(tables, query)?;
    let mut leased = Vec::with_capacity(due.len());
    for (partition, key) in due {
        if let Some(pending) = take(tables, &partition, &key)? {
            let pending = pending.leased(query);
            put(tables, &partition, &key, &pending)?;
            leased.push(pending.delivery(partition, key));
        }
    }
    Ok(leased)
}

fn due(tables: &Tables<'_>, query: &DueQuery) -> Result<Vec<(Partition, Key)>, Error> {
    let kind = query.kind.as_str();
    let after_now = query.now.as_micros() + 1;
    let mut due = Vec::new();
    for entry in tables
        .due
        .range((kind, 0, "", "")..(kind, after_now, "", ""))?
    {
        let (place, slot) = entry?;
        if due.len() == query.limit as usize {
            break;
        }
        if query.slots.contains(slot.value()) {
            let (_, _, id, at) = place.value();
            due.push((partition(id)?, key(at)?));
        }
    }
    Ok(due)
}

/// Settles one delivery and returns whether its fence held.
pub(crate) fn settle(tables: &mut Tables<'_>, settle: &Settle) -> Result<bool, Error> {
    let place = (settle.partition.id(), settle.key.as_str());
    let found = tables.deliveries.get(place)?;
    let Some(pending) = found.map(|row| Pending::from(row.value())) else {
        return Ok(false);
    };
    if !pending.holds(settle) {
        return Ok(false);
    }
    take(tables, &settle.partition, &settle.key)?;
    if let Some(pending) = pending.settled(&settle.outcome) {
        put(tables, &settle.partition, &settle.key, &pending)?;
    }
    Ok(true)
}

/// Keeps a delivery where none stands, and has it come up or lie dead.
pub(crate) fn put(
    tables: &mut Tables<'_>,
    partition: &Partition,
    key: &Key,
    pending: &Pending,
) -> Result<(), Error> {
    let place = (partition.id(), key.as_str());
    tables.deliveries.insert(place, pending.columns())?;
    if pending.dead {
        tables.dead.insert(place, ())?;
    } else {
        tables
            .due
            .insert(comes_up(partition, key, pending), partition.slot())?;
    }
    Ok(())
}

/// Removes a delivery, if there is one.
pub(crate) fn take(
    tables: &mut Tables<'_>,
    partition: &Partition,
    key: &Key,
) -> Result<Option<Pending>, Error> {
    let place = (partition.id(), key.as_str());
    let removed = tables.deliveries.remove(place)?;
    let Some(pending) = removed.map(|row| Pending::from(row.value())) else {
        return Ok(None);
    };
    tables.dead.remove(place)?;
    tables.due.remove(comes_up(partition, key, &pending))?;
    Ok(Some(pending))
}

fn comes_up<'a>(
    partition: &'a Partition,
    key: &'a Key,
    pending: &Pending,
) -> (&'a str, i64, &'a str, &'a str) {
    let kind = key.delivery_kind().unwrap_or_default();
    (
        kind,
        pending.wakes_at().as_micros(),
        partition.id(),
        key.as_str(),
    )
}
