use std::{fmt, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use mp_core::store::{
    Batch, Changes, Delivery, DueQuery, Key, Limits, Partition, Query, Settle, Store, StoreError,
    StoreErrorKind, Version, View,
};

/// What was called on the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    Read,
    Commit,
    Due,
    Settle,
}

/// When, of that call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    Before,
    After,
}

type Verdict = Pin<Box<dyn Future<Output = Result<(), StoreErrorKind>> + Send>>;
type Hook = dyn Fn(Call, Phase) -> Verdict + Send + Sync;

/// A store that asks a hook before and after every call: an error before means that nothing was
/// done, an error after that it was done and the answer got lost.
pub(crate) struct HookedStore {
    inner: Arc<dyn Store>,
    /// Those of the store inside, until a test lowers them.
    pub(crate) limits: Limits,
    hook: Box<Hook>,
}

impl HookedStore {
    pub(crate) fn new<R>(
        inner: Arc<dyn Store>,
        hook: impl Fn(Call, Phase) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<(), StoreErrorKind>> + Send + 'static,
    {
        Self {
            limits: inner.limits(),
            inner,
            hook: Box::new(move |call, phase| Box::pin(hook(call, phase))),
        }
    }

    async fn around<T>(
        &self,
        call: Call,
        act: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.ask(call, Phase::Before).await?;
        let answer = act.await?;
        self.ask(call, Phase::After).await?;
        Ok(answer)
    }

    async fn ask(&self, call: Call, phase: Phase) -> Result<(), StoreError> {
        let fault = |kind| StoreError::new(kind, "hooked", "a fault of the test");
        (self.hook)(call, phase).await.map_err(fault)
    }
}

impl fmt::Debug for HookedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookedStore({:?})", self.inner)
    }
}

#[async_trait]
impl Store for HookedStore {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.around(Call::Read, self.inner.read(partition, query))
            .await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        batch.check(&self.limits)?;
        self.around(Call::Commit, self.inner.commit(partition, batch))
            .await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        self.inner.commit_many(batches).await
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.around(Call::Due, self.inner.due(query)).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.around(Call::Settle, self.inner.settle(settles)).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.inner.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.inner.changes(partition, since, limit).await
    }
}
