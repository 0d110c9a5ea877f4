use std::collections::BTreeMap;

use crate::{
    clock::Timestamp,
    store::{Batch, Delivery, DueQuery, Key, Outcome, Partition, Settle, Write},
};

/// When which work comes up, as the writes have it: so that faults strike leases that would find
/// something, and not the many that look in vain.
#[derive(Debug, Default)]
pub(super) struct Agenda(BTreeMap<(Partition, Key), Timestamp>);

impl Agenda {
    pub(super) fn committed(&mut self, partition: &Partition, batch: &Batch) {
        for write in &batch.writes {
            let place = (partition.clone(), write.key().clone());
            match write {
                Write::Deliver { due_at, .. } => drop(self.0.insert(place, *due_at)),
                _ => drop(self.0.remove(&place)),
            }
        }
    }

    pub(super) fn leased(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let place = (delivery.partition.clone(), delivery.key.clone());
            if let Some(until) = delivery.lease {
                self.0.insert(place, until);
            }
        }
    }

    pub(super) fn settled(&mut self, settle: &Settle) {
        let place = (settle.partition.clone(), settle.key.clone());
        match settle.outcome {
            Outcome::Again { at, .. } | Outcome::Redrive { at } => drop(self.0.insert(place, at)),
            Outcome::Done | Outcome::Dead { .. } => drop(self.0.remove(&place)),
        }
    }

    /// Returns whether the query would find anything.
    pub(super) fn answers(&self, query: &DueQuery) -> bool {
        self.0.iter().any(|((partition, key), at)| {
            *at <= query.now
                && key.delivery_kind() == Some(&query.kind)
                && query.slots.contains(partition.slot())
        })
    }
}
