use std::{fmt::Debug, sync::Arc, time::Duration};

use mp_core::{
    Timestamp,
    store::{
        Batch, CommitId, Key, Partition, PostgresOptions, PostgresStore, Query, Store, StoreError,
        StoreErrorKind, Version, Write,
    },
};
use throwaway_postgres::Database;

/// Options that give up soon, so that a test need not wait.
pub(crate) fn hasty() -> PostgresOptions {
    let soon = Duration::from_millis(500);
    PostgresOptions::default()
        .with_connect_timeout(2 * soon)
        .with_lock_timeout(soon)
        .with_statement_timeout(soon)
}

/// Partitions of which each counts its commits in the root.
#[derive(Clone, Debug)]
pub(crate) struct Tally(Arc<PostgresStore>);

impl Tally {
    pub(crate) async fn connect(database: &Database, options: PostgresOptions) -> Self {
        let store = PostgresStore::connect(database.url(), options).await;
        Self::of(store.expect("connects"))
    }

    pub(crate) fn of(store: PostgresStore) -> Self {
        Self(Arc::new(store))
    }

    pub(crate) fn partition(number: usize) -> Partition {
        Partition::parse(&format!("market/tally/{number}")).expect("a well-formed id")
    }

    /// Returns how many commits a partition counts.
    pub(crate) async fn count(&self, number: usize) -> Result<u64, StoreError> {
        let view = self
            .0
            .read(&Self::partition(number), &Query::default())
            .await?;
        Ok(view.records.first().map_or(0, |root| count_in(&root.value)))
    }

    /// Reads a partition and counts one commit more in it; the value is made so long.
    pub(crate) async fn add(&self, number: usize, length: usize) -> Result<Version, StoreError> {
        let partition = Self::partition(number);
        let view = self.0.read(&partition, &Query::default()).await?;
        let count = view.records.first().map_or(0, |root| count_in(&root.value)) + 1;
        self.put(number, view.head, count, length).await
    }

    /// Makes the first commit of a partition, without reading it.
    pub(crate) async fn begin(&self, number: usize) -> Result<Version, StoreError> {
        self.put(number, Version::ABSENT, 1, 0).await
    }

    async fn put(
        &self,
        number: usize,
        expect: Version,
        count: u64,
        length: usize,
    ) -> Result<Version, StoreError> {
        // Noise, so that the server cannot press it together.
        let noise: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(length)
            .collect();
        let key = Key::root();
        let value = format!(r#"{{"count":{count},"noise":"{noise}"}}"#).into();
        let batch = Batch {
            expect,
            commit_id: CommitId::random(),
            at: Timestamp::from_micros(1_795_000_000_000_000),
            writes: vec![Write::put(key, value)],
        };
        self.0.commit(&Self::partition(number), batch).await
    }
}

fn count_in(value: &[u8]) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(value).expect("JSON");
    value["count"].as_u64().expect("a count")
}

/// Returns the kind of the error that there must be.
pub(crate) fn kind<T: Debug>(answer: Result<T, StoreError>) -> StoreErrorKind {
    answer.expect_err("must fail").kind()
}
