use std::{fmt, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;

use crate::store::{
    Batch, Changes, Delivery, DueQuery, InTurn, Key, Limits, Partition, Query, Settle, Store,
    StoreError, StoreErrorKind, Turn, Version, View,
};

/// What was called on a [`HookedStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// [`Store::read`].
    Read,
    /// [`Store::commit`], or one batch of [`Store::commit_many`].
    Commit,
    /// [`Store::take_turn`].
    TakeTurn,
    /// [`Store::due`].
    Due,
    /// [`Store::settle`].
    Settle,
    /// [`Store::dead`].
    Dead,
    /// [`Store::changes`].
    Changes,
}

/// When, of that call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing was done yet.
    Before,
    /// It was done, without an error.
    After,
}

type Verdict = Pin<Box<dyn Future<Output = Result<(), StoreErrorKind>> + Send>>;
type Hook = dyn Fn(Call, Phase, Option<&Partition>) -> Verdict + Send + Sync;

/// A store that asks a hook before and after every call: for tests of what a crash, an outage or a
/// lost answer does to code on top of it.
///
/// An error of the hook before a call means that nothing was done; after it, that it was done and
/// the answer got lost.
///
/// ```
/// use std::sync::Arc;
/// use mp_core::{conformance::{Call, HookedStore, Phase}, store::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let out_of_reach = |call, phase, _: Option<&Partition>| async move {
///     match (call, phase) {
///         (Call::Read, Phase::Before) => Err(StoreErrorKind::Unavailable),
///         _ => Ok(()),
///     }
/// };
/// let store = HookedStore::new(Arc::new(MemoryStore::new()), out_of_reach);
/// let group = Partition::parse("market/group/gb_01")?;
/// assert!(store.read(&group, &Query::default()).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HookedStore {
    inner: Arc<dyn Store>,
    limits: Limits,
    turns: bool,
    hook: Arc<Hook>,
}

impl HookedStore {
    /// Hooks into a store.
    pub fn new<R>(
        inner: Arc<dyn Store>,
        hook: impl Fn(Call, Phase, Option<&Partition>) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<(), StoreErrorKind>> + Send + 'static,
    {
        let limits = inner.limits();
        let hook = Arc::new(move |call, phase, partition: Option<&Partition>| {
            Box::pin(hook(call, phase, partition)) as Verdict
        });
        Self {
            inner,
            limits,
            turns: false,
            hook,
        }
    }

    /// Gives turns as loosely as may be: they keep nobody from anything.
    #[must_use]
    pub const fn with_turns(mut self) -> Self {
        self.turns = true;
        self
    }

    /// Lowers the limits; above those of the store inside they promise nothing.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    async fn around<T>(
        &self,
        call: Call,
        partition: Option<&Partition>,
        act: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.ask(call, Phase::Before, partition).await?;
        let answer = act.await?;
        self.ask(call, Phase::After, partition).await?;
        Ok(answer)
    }

    async fn ask(
        &self,
        call: Call,
        phase: Phase,
        partition: Option<&Partition>,
    ) -> Result<(), StoreError> {
        let fault = |kind| StoreError::new(kind, "hooked", "a fault of the test");
        (self.hook)(call, phase, partition).await.map_err(fault)
    }
}

impl fmt::Debug for HookedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookedStore({:?})", self.inner)
    }
}

/// A turn that keeps nobody from anything.
#[derive(Debug)]
struct Loose;

impl Turn for Loose {}

#[async_trait]
impl Store for HookedStore {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        let read = self.inner.read(partition, query);
        self.around(Call::Read, Some(partition), read).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        batch.check(&self.limits)?;
        let commit = self.inner.commit(partition, batch);
        self.around(Call::Commit, Some(partition), commit).await
    }

    async fn take_turn(
        &self,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        if !self.turns {
            return Ok(None);
        }
        let read = self.inner.read(partition, query);
        let view = self.around(Call::TakeTurn, Some(partition), read).await?;
        let turn = Box::new(Loose);
        Ok(Some(InTurn { view, turn }))
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        let mut answers = Vec::with_capacity(batches.len());
        for (partition, batch) in batches {
            answers.push(self.commit(&partition, batch).await);
        }
        answers
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.around(Call::Due, None, self.inner.due(query)).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.around(Call::Settle, None, self.inner.settle(settles))
            .await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.around(Call::Dead, None, self.inner.dead(after, limit))
            .await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let changes = self.inner.changes(partition, since, limit);
        self.around(Call::Changes, Some(partition), changes).await
    }
}
