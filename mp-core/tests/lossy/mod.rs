use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    store::{Batch, CommitId, MemoryStore, Partition, Query, Store, StoreErrorKind},
};

/// When the answer of a commit gets lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lose {
    /// Before it was applied.
    Before,
    /// After it was applied.
    After,
    /// After it was applied and somebody else's commit has followed.
    AfterAndMove,
}

/// Loses the answer of one commit on a memory store when told to.
#[derive(Debug)]
pub(crate) struct Loss {
    inner: Arc<MemoryStore>,
    lose: Lose,
    armed: AtomicBool,
    lost: AtomicU32,
}

impl Loss {
    pub(crate) fn new(lose: Lose) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(MemoryStore::new()),
            lose,
            armed: AtomicBool::new(false),
            lost: AtomicU32::new(0),
        })
    }

    pub(crate) fn store(self: &Arc<Self>) -> Arc<dyn Store> {
        let loss = self.clone();
        let hook = move |call, phase, partition: Option<&Partition>| {
            let (loss, partition) = (loss.clone(), partition.cloned());
            async move { loss.pass(call, phase, partition).await }
        };
        Arc::new(HookedStore::new(self.inner.clone(), hook))
    }

    pub(crate) fn lose_next(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }

    async fn pass(
        &self,
        call: Call,
        phase: Phase,
        partition: Option<Partition>,
    ) -> Result<(), StoreErrorKind> {
        let when = if self.lose == Lose::Before {
            Phase::Before
        } else {
            Phase::After
        };
        let Some(partition) = partition.filter(|_| (call, phase) == (Call::Commit, when)) else {
            return Ok(());
        };
        if !self.armed.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        self.lost.fetch_add(1, Ordering::SeqCst);
        if self.lose == Lose::AfterAndMove {
            self.move_on(&partition).await;
        }
        Err(StoreErrorKind::Unknown)
    }

    async fn move_on(&self, partition: &Partition) {
        let view = self
            .inner
            .read(partition, &Query::default())
            .await
            .expect("reads");
        let commit_id = CommitId::random();
        let other = Batch {
            expect: view.head,
            commit_id,
            at: view.at,
            writes: Vec::new(),
        };
        self.inner.commit(partition, other).await.expect("commits");
    }
}
