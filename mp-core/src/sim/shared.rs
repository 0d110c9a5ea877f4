use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{agenda::Agenda, record::Record};
use crate::{
    clock::Clock,
    conformance::Violation,
    engine::{Command, Engine, Family},
    entropy::SeededEntropy,
    store::{
        Batch, Delivery, DueQuery, MemoryStore, Partition, Settle, Store, StoreError, Version,
    },
};

/// What looks at a partition after each of its commits.
pub(super) type Inspect = dyn Fn(&Family) -> Result<(), Violation> + Send + Sync;

/// The one store, which carries out what reaches it and is never wrong.
pub(super) struct SharedStore {
    store: Arc<MemoryStore>,
    agenda: Mutex<Agenda>,
    /// Reads for the inspection, past all faults.
    reader: Engine,
    inspect: Box<Inspect>,
    record: Arc<Record>,
}

impl SharedStore {
    pub(super) fn new(clock: Arc<dyn Clock>, record: Arc<Record>, inspect: Box<Inspect>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let reader = Engine::new(store.clone(), clock, Arc::new(SeededEntropy::new(0)));
        Self {
            store,
            agenda: Mutex::default(),
            reader,
            inspect,
            record,
        }
    }

    /// Returns the store, for what changes nothing.
    pub(super) fn reads(&self) -> &MemoryStore {
        &self.store
    }

    pub(super) async fn commit(
        &self,
        process: usize,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Version, StoreError> {
        let outcome = self.store.commit(partition, batch.clone()).await;
        self.committed(process, partition, &batch, &outcome).await;
        outcome
    }

    pub(super) async fn commit_many(
        &self,
        process: usize,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let outcomes = self.store.commit_many(batches.clone()).await;
        for ((partition, batch), outcome) in batches.iter().zip(&outcomes) {
            self.committed(process, partition, batch, outcome).await;
        }
        outcomes
    }

    pub(super) async fn lease(
        &self,
        process: usize,
        query: &DueQuery,
    ) -> Result<Vec<Delivery>, StoreError> {
        let deliveries = self.store.due(query).await?;
        self.agenda().leased(&deliveries);
        for delivery in &deliveries {
            let Delivery {
                partition,
                key,
                attempts,
                ..
            } = delivery;
            let attempt = || format!("process {process} leases {partition} {key}, time {attempts}");
            self.record.note(attempt);
        }
        Ok(deliveries)
    }

    pub(super) async fn settle(
        &self,
        process: usize,
        settles: Vec<Settle>,
    ) -> Result<Vec<bool>, StoreError> {
        let held = self.store.settle(settles.clone()).await?;
        for (settle, held) in settles.iter().zip(&held) {
            if *held {
                self.agenda().settled(settle);
            }
            let Settle {
                partition,
                key,
                outcome,
                ..
            } = settle;
            let how = if *held { "" } else { ", in vain" };
            self.record
                .note(|| format!("process {process} settles {partition} {key}: {outcome:?}{how}"));
        }
        Ok(held)
    }

    /// Returns whether a look for due work would find any.
    pub(super) fn has_due(&self, query: &DueQuery) -> bool {
        self.agenda().answers(query)
    }

    async fn committed(
        &self,
        process: usize,
        partition: &Partition,
        batch: &Batch,
        outcome: &Result<Version, StoreError>,
    ) {
        self.record.note(|| {
            let keys: Vec<&str> = batch
                .writes
                .iter()
                .map(|write| write.key().as_str())
                .collect();
            let outcome = outcome
                .as_ref()
                .map(|version| version.0)
                .map_err(StoreError::kind);
            format!("process {process} commits {partition} {keys:?}: {outcome:?}")
        });
        if outcome.is_ok() {
            self.agenda().committed(partition, batch);
            self.look_at(partition).await;
        }
    }

    async fn look_at(&self, partition: &Partition) {
        let everything = Command::on(partition.clone()).prefix("");
        let seen = match self.reader.read(everything).await {
            Ok(family) => (self.inspect)(&family),
            Err(error) => Err(error.into()),
        };
        if let Err(violation) = seen {
            let violation = Violation::new(format!("{partition}: {violation}"));
            self.record.fail(violation);
        }
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
