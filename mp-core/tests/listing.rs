//! What stores promise that can list their partitions.

use std::{collections::BTreeSet, sync::Arc};

use mp_core::{
    Timestamp,
    store::{Batch, CommitId, Key, Listing, MemoryStore, Partition, Version, Write},
};

async fn put(store: &dyn Listing, id: &str) {
    let writes = vec![
        Write::Put {
            key: Key::root(),
            value: "{}".into(),
        },
        Write::Put {
            key: Key::new("m/1").expect("key"),
            value: "{}".into(),
        },
    ];
    let at = Timestamp::from_micros(1);
    let batch = Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at,
        writes,
    };
    let partition = Partition::parse(id).expect("id");
    store.commit(&partition, batch).await.expect("commits");
}

async fn every_partition_is_on_exactly_one_page(store: Arc<dyn Listing>) {
    let numbered = |number| format!("app/thing/{number}");
    let mut ids: BTreeSet<String> = (0..25).map(numbered).collect();
    // One slot has many more than its share.
    let crowded = |id: &String| Partition::parse(id).expect("id").slot() == 7;
    ids.extend((25..).map(numbered).filter(crowded).take(25));
    for id in &ids {
        put(&*store, id).await;
    }
    let mut listed: Vec<Partition> = Vec::new();
    loop {
        let page = store.partitions(listed.last(), 10).await.expect("lists");
        assert!(page.len() <= 10);
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let listed: Vec<String> = listed
        .iter()
        .map(|partition| partition.id().to_owned())
        .collect();
    assert_eq!(listed, ids.into_iter().collect::<Vec<_>>());
    assert!(
        store.partitions(None, u32::MAX).await.is_err(),
        "the limit is too high"
    );
}

#[tokio::test]
async fn memory_lists_every_partition_on_exactly_one_page() {
    every_partition_is_on_exactly_one_page(Arc::new(MemoryStore::new())).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sqlite_lists_every_partition_on_exactly_one_page() {
    use mp_core::store::{SqliteOptions, SqliteStore};

    let folder = tempfile::tempdir().expect("folder");
    let store = SqliteStore::open(folder.path().join("mp.db"), SqliteOptions::default());
    every_partition_is_on_exactly_one_page(Arc::new(store.expect("opens"))).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_lists_every_partition_on_exactly_one_page() {
    use mp_core::store::{PostgresOptions, PostgresStore};

    let test = "postgres_lists_every_partition_on_exactly_one_page";
    let Some(database) = throwaway_postgres::database(test).await else {
        return;
    };
    let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
    every_partition_is_on_exactly_one_page(Arc::new(store.expect("connects"))).await;
}
