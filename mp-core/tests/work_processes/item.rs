use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{Batch, CommitId, Delivery, Key, Partition, Store, Version, Write},
};

/// Handled at once.
pub(crate) const QUICK: &str = "test.quick";
/// Takes a while.
pub(crate) const SLOW: &str = "test.slow";
/// Fails the first time.
pub(crate) const FLAKY: &str = "test.flaky";
/// Is given up until it is cured.
pub(crate) const POISON: &str = "test.poison";

pub(crate) const KINDS: [&str; 4] = [QUICK, SLOW, FLAKY, POISON];

/// How many of each kind one partition holds.
const COUNTS: [usize; 4] = [80, 6, 6, 1];

/// Creates a partition with work of all kinds, due now, and returns the names of the items.
pub(crate) async fn send(store: &dyn Store, number: usize, now: Timestamp) -> Vec<String> {
    let partition = partition(number);
    let kinds = KINDS.into_iter().zip(COUNTS);
    let keys: Vec<Key> = kinds
        .flat_map(|(kind, count)| (0..count).map(move |n| key(&format!("~o/{kind}/{n}"))))
        .collect();
    let names = keys.iter().map(|key| name(&partition, key)).collect();
    let deliver = |key| Write::deliver(key, Bytes::from_static(b"{}"), now);
    let root = Write::put(Key::root(), Bytes::from_static(b"{}"));
    let batch = Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at: now,
        writes: keys.into_iter().map(deliver).chain([root]).collect(),
    };
    store.commit(&partition, batch).await.expect("commits");
    names
}

/// Names a delivery in the log: its kind is what comes before the first slash.
pub(crate) fn name_of(delivery: &Delivery) -> String {
    name(&delivery.partition, &delivery.key)
}

pub(crate) fn kind_of(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

fn name(partition: &Partition, key: &Key) -> String {
    let key = key.as_str().trim_start_matches("~o/");
    format!("{key}/{}", partition.local_id())
}

fn partition(number: usize) -> Partition {
    Partition::parse(&format!("test/desk/{number}")).expect("a valid id")
}

fn key(text: &str) -> Key {
    Key::new(text).expect("a valid key")
}
