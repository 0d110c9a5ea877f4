//! What a commit answers when the coordinator gives up waiting for a worker.

use std::time::Duration;

use mp_core::{
    Timestamp,
    store::{
        Batch, CommitId, Key, Partition, PostgresOptions, Query, Store, StoreErrorKind, Version,
        Write,
    },
};

use crate::tables::Tables;

fn batch(expect: Version) -> Batch {
    Batch {
        expect,
        commit_id: CommitId::random(),
        at: Timestamp::from_micros(1_795_284_000_000_000),
        writes: vec![Write::put(Key::root(), "{}".into())],
    }
}

/// A server of its own knows what it gave up; a coordinator only knows that it waits no longer: the
/// worker may still carry the commit out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_the_coordinator_gives_up_is_unknown() {
    let test = "a_commit_that_the_coordinator_gives_up_is_unknown";
    let Some(tables) = Tables::make(test).await else {
        return;
    };
    let impatient = PostgresOptions::default().with_statement_timeout(Duration::from_millis(200));
    let store = tables.open(impatient).await;
    let partition = Partition::parse("market/group/1").expect("a valid id");
    let head = store.commit(&partition, batch(Version::ABSENT)).await;
    let head = head.expect("commits");

    let other = tables.client().await;
    let hold = format!(
        "BEGIN; UPDATE mp_partition SET at = at WHERE slot = {} AND partition = '{partition}'",
        partition.slot()
    );
    other.batch_execute(&hold).await.expect("holds the head");
    let waiting = batch(head);
    let answer = store.commit(&partition, waiting.clone()).await;
    other.batch_execute("ROLLBACK").await.expect("lets it go");

    let kind = answer.expect_err("the head is held").kind();
    assert_eq!(kind, StoreErrorKind::Unknown);
    // The worker may carry it out now, or find itself told to stop.
    let again = store.commit(&partition, waiting.clone()).await;
    let view = store.read(&partition, &Query::default()).await;
    let view = view.expect("reads");
    assert_eq!(
        (view.head, view.commit_id),
        (head.next(waiting.at), waiting.commit_id)
    );
    if let Err(error) = again {
        assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    }
}
