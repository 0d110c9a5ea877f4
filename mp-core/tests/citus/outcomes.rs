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
        writes: vec![Write::Put {
            key: Key::root(),
            value: "{}".into(),
        }],
    }
}

/// A server of its own knows what it gave up; a coordinator only knows that it waits no longer.
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
    let refused = store.commit(&partition, batch(head)).await;
    other.batch_execute("ROLLBACK").await.expect("lets it go");

    let kind = refused.expect_err("the head is held").kind();
    assert_eq!(kind, StoreErrorKind::Unknown);
    let view = store.read(&partition, &Query::default()).await;
    assert_eq!(view.expect("reads").head, head);
}
