//! Many partitions that are created while the store waits, so that their commits share a transaction;
//! one of them is the one that faults are about.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Key, Partition, Query, Store, StoreError, StoreErrorKind, Version, Write,
    },
};
use tokio::task::JoinSet;

pub(crate) const MANY: usize = 100;

/// The one partition that the faults are about.
pub(crate) const POISONED: usize = 42;

pub(crate) fn partition(n: usize) -> Partition {
    Partition::parse(&format!("market/group/{n}")).expect("a valid id")
}

pub(crate) fn root(expect: Version) -> Batch {
    let key = Key::root();
    let value = Bytes::from_static(b"{}");
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1_795_000_000_000_000),
        writes: vec![Write::put(key, value)],
    }
}

pub(crate) async fn head(store: &dyn Store, n: usize) -> Version {
    let view = store.read(&partition(n), &Query::default()).await;
    view.expect("reads").head
}

/// Has all of them created by such batches, then lets go of what the store waits for, and returns
/// how each fared.
pub(crate) async fn create_together(
    store: Arc<dyn Store>,
    batch: fn(Version) -> Batch,
    let_go: impl Future<Output = ()>,
) -> Vec<Result<Version, StoreErrorKind>> {
    let mut tasks = JoinSet::new();
    for n in 0..MANY {
        let store = store.clone();
        let batch = batch(Version::ABSENT);
        tasks.spawn(async move { (n, store.commit(&partition(n), batch).await) });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let_go.await;
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    let kind = |error: StoreError| error.kind();
    answers
        .into_iter()
        .map(|(_, answer)| answer.map_err(kind))
        .collect()
}

/// Demands that all but the poisoned partition were created.
pub(crate) async fn expect_all_but_the_poisoned(
    store: &dyn Store,
    answers: &[Result<Version, StoreErrorKind>],
) {
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), n != POISONED, "{n}: {answer:?}");
        assert_eq!(head(store, n).await, answer.unwrap_or_default(), "{n}");
    }
}
