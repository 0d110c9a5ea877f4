//! What the engine tells a store about writes: which of them it knows to be new.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, Family, Timestamp,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{
        Batch, Changes, Delivery, DueQuery, Key, Limits, MemoryStore, Partition, Query, Settle,
        Store, StoreError, Version, View,
    },
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Note {
    text: String,
}

impl Document for Note {
    const KIND: &'static str = "test.note";
    const FORMAT: u32 = 1;
}

fn note() -> Note {
    let text = "a note".to_owned();
    Note { text }
}

/// A store that takes note of which writes are called new.
#[derive(Debug, Default)]
struct Listening {
    store: MemoryStore,
    heard: Mutex<Vec<(String, bool)>>,
}

impl Listening {
    fn hear(&self, batch: &Batch) {
        let writes = batch.writes.iter();
        let heard = writes.map(|write| (write.key().as_str().to_owned(), write.is_new()));
        let mut all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(heard);
    }
}

#[async_trait]
impl Store for Listening {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn read(&self, partition: &Partition, query: &Query) -> Result<View, StoreError> {
        self.store.read(partition, query).await
    }

    async fn commit(&self, partition: &Partition, batch: Batch) -> Result<Version, StoreError> {
        self.hear(&batch);
        self.store.commit(partition, batch).await
    }

    async fn commit_many(
        &self,
        batches: Vec<(Partition, Batch)>,
    ) -> Vec<Result<Version, StoreError>> {
        self.store.commit_many(batches).await
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        self.store.due(query).await
    }

    async fn settle(&self, settles: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
        self.store.settle(settles).await
    }

    async fn dead(
        &self,
        after: Option<(&Partition, &Key)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.dead(after, limit).await
    }

    async fn changes(
        &self,
        partition: &Partition,
        since: Version,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        self.store.changes(partition, since, limit).await
    }
}

struct Rig {
    engine: Engine,
    store: Arc<Listening>,
}

impl Rig {
    fn new() -> Self {
        let store = Arc::new(Listening::default());
        let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000));
        let entropy = Arc::new(SeededEntropy::new(1));
        let engine = Engine::new(store.clone(), Arc::new(clock), entropy);
        Self { engine, store }
    }

    /// Commits edits, and returns what the store was told of them.
    async fn heard_of(&self, edit: impl Fn(&mut Edits) + Send + 'static) -> Vec<(String, bool)> {
        let notes = Partition::parse("test/note/1").expect("a partition");
        let command = Command::on(notes).key("a").key("b");
        let decide = move |_: &Family, _: Timestamp| -> Result<Decision<()>, Error> {
            let mut edits = Edits::new();
            edit(&mut edits);
            Ok(edits.answer(()))
        };
        self.engine.run(command, decide).await.expect("commits");
        let mut heard = self
            .store
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *heard)
    }
}

fn named<const N: usize>(heard: [(&str, bool); N]) -> Vec<(String, bool)> {
    heard.map(|(key, new)| (key.to_owned(), new)).into()
}

fn due() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

#[tokio::test]
async fn a_partition_that_is_created_holds_nothing_yet() {
    let rig = Rig::new();
    let heard = rig.heard_of(|edits| {
        edits.put_root(note());
        edits.put("a", note());
        edits.send("1", due(), &note());
    });
    let all = [("", true), ("a", true), ("~o/test.note/1", true)];
    assert_eq!(heard.await, named(all));
}

#[tokio::test]
async fn what_was_read_and_was_not_there_is_new() {
    let rig = Rig::new();
    rig.heard_of(|edits| {
        edits.put_root(note());
        edits.put("a", note());
    })
    .await;
    let heard = rig.heard_of(|edits| {
        edits.put("a", note());
        edits.put("b", note());
        edits.delete("b");
        edits.put("b", note());
    });
    assert_eq!(heard.await, named([("a", false), ("b", true)]));
}

#[tokio::test]
async fn what_is_deleted_and_put_again_in_one_commit_is_not_new() {
    let rig = Rig::new();
    rig.heard_of(|edits| {
        edits.put_root(note());
        edits.put("a", note());
    })
    .await;
    // Both wait when the engine begins, and share its commit.
    let deleted = rig.heard_of(|edits| edits.delete("a"));
    let put = rig.heard_of(|edits| edits.put("a", note()));
    let (one, other) = tokio::join!(deleted, put);
    assert_eq!([one, other].concat(), named([("a", false)]));
}

/// A store may keep a mark where something was deleted.
#[tokio::test]
async fn what_was_deleted_a_commit_before_is_not_new() {
    let rig = Rig::new();
    rig.heard_of(|edits| {
        edits.put_root(note());
        edits.put("a", note());
    })
    .await;
    rig.heard_of(|edits| edits.delete("a")).await;
    let heard = rig.heard_of(|edits| {
        edits.put("a", note());
        edits.put("b", note());
    });
    assert_eq!(heard.await, named([("a", false), ("b", true)]));
}

#[tokio::test]
async fn messages_are_new_only_if_they_are_sent_so() {
    let rig = Rig::new();
    rig.heard_of(|edits| edits.put_root(note())).await;
    let heard = rig.heard_of(|edits| {
        edits.send("1", due(), &note());
        edits.send_new("2", due(), &note());
        edits.schedule("3", due(), &note());
    });
    let all = [
        ("~o/test.note/1", false),
        ("~o/test.note/2", true),
        ("~t/test.note/3", false),
    ];
    assert_eq!(heard.await, named(all));
}
