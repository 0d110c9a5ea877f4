use std::sync::Arc;

use async_trait::async_trait;

use super::{Act, WritePoint, gate::Passed, life::Life};
use crate::store::{
    Batch, Changes, Delivery, DueQuery, InTurn, Key, Limits, Partition, Query, Settle, Store,
    StoreError, StoreErrorKind, Turn, Version, View,
};

/// The one store, as one process reaches it.
#[derive(Debug)]
pub(super) struct Connection(pub(super) Arc<Life>);

fn error(kind: StoreErrorKind, op: &'static str) -> StoreError {
    StoreError::new(kind, op, "a fault of the simulation")
}

fn unreachable(op: &'static str) -> StoreError {
    error(StoreErrorKind::Unavailable, op)
}

fn unknown(op: &'static str) -> StoreError {
    error(StoreErrorKind::Unknown, op)
}

impl Connection {
    async fn read_of<T>(
        &self,
        op: &'static str,
        of: &str,
        read: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.0
            .read(of, read)
            .await
            .unwrap_or_else(|| Err(unreachable(op)))
    }
}

/// What a process holds, as the store knows it.
impl Life {
    async fn lease(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let deliveries = self.world.store.lease(self.number, query).await?;
        self.leased(&deliveries);
        Ok(deliveries)
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        settles.iter().for_each(|settle| self.settled(settle));
        self.world.store.settle(self.number, settles).await
    }
}

/// A turn that has ended already.
#[derive(Debug)]
struct Ended;

impl Turn for Ended {}

#[async_trait]
impl Store for Connection {
    fn limits(&self) -> Limits {
        self.0.world.store.reads().limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        let read = self.0.world.store.reads().read(partition, query);
        self.read_of("read", partition.id(), read).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        let point = WritePoint::commit(partition, &batch);
        let (life, partition) = (self.0.clone(), partition.clone());
        let apply = async move {
            life.world
                .store
                .commit(life.number, &partition, batch)
                .await
        };
        match self.0.send(point, apply).await {
            Passed::Answer(answer) => answer,
            Passed::Conflict => Err(StoreError::conflict()),
            Passed::Outage => Err(unreachable("commit")),
            Passed::Unknown => Err(unknown("commit")),
        }
    }

    /// Keeps nobody from anything, as a store may that has ended a turn.
    async fn take_turn(
        &self,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        let view = self.read(partition, query).await?;
        let turn = Box::new(Ended);
        Ok(Some(InTurn { view, turn }))
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let (count, life) = (batches.len(), self.0.clone());
        let apply = async move { life.world.store.commit_many(life.number, batches).await };
        let error = match self
            .0
            .send(WritePoint::new(Act::CommitMany, ""), apply)
            .await
        {
            Passed::Answer(answers) => return answers,
            Passed::Conflict => StoreError::conflict(),
            Passed::Outage => unreachable("commit_many"),
            Passed::Unknown => unknown("commit_many"),
        };
        vec![Err(error); count]
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        if !self.0.world.store.has_due(query) {
            // Most looks find nothing: they take no time, and nothing is the matter with them.
            self.0.moves().await;
            return self.0.lease(query).await;
        }
        let point = WritePoint::new(Act::Lease, &query.kind);
        let (life, query) = (self.0.clone(), query.clone());
        let apply = async move { life.lease(&query).await };
        match self.0.send(point, apply).await {
            Passed::Answer(answer) => answer,
            Passed::Conflict => Ok(Vec::new()),
            Passed::Outage | Passed::Unknown => Err(unreachable("due")),
        }
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        let kind = settles
            .first()
            .and_then(|settle| settle.key.delivery_kind());
        let point = WritePoint::new(Act::Settle, kind.unwrap_or_default());
        let (count, life) = (settles.len(), self.0.clone());
        let apply = async move { life.settle(settles).await };
        match self.0.send(point, apply).await {
            Passed::Answer(answer) => answer,
            Passed::Conflict => Ok(vec![false; count]),
            Passed::Outage => Err(unreachable("settle")),
            Passed::Unknown => Err(unknown("settle")),
        }
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let read = self.0.world.store.reads().dead(after, limit);
        self.read_of("dead", "dead work", read).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let read = self.0.world.store.reads().changes(partition, since, limit);
        self.read_of("changes", partition.id(), read).await
    }
}
