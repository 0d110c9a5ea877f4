//! A counter whose commits a host takes into its own transactions, on any store.

use std::sync::Arc;

use mp_core::{
    Command, Decision, Document, Engine, Error, Family, Timestamp,
    caller::Caller,
    clock::SystemClock,
    engine::Edits,
    entropy::SystemEntropy,
    idempotency::Idempotency,
    store::{Partition, Query, Store, Version},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Counter {
    pub(crate) count: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

pub(crate) fn engine(store: Arc<dyn Store>) -> Engine {
    Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()))
}

pub(crate) fn partition() -> Partition {
    Partition::parse("shop/counter/1").expect("a valid id")
}

/// A command to count, whose answer is remembered under a key.
pub(crate) fn once(key: &str) -> Command {
    let app = "shop".parse().expect("an app");
    let caller = Caller::user(app, "mei".parse().expect("a user"));
    let key = key.parse().expect("a key");
    let once = Idempotency::new(&caller, "order.place", &key, &());
    Command::on(partition()).once(once.expect("serialises"))
}

pub(crate) fn count(family: &Family, _: Timestamp) -> Result<Decision<u64>, Error> {
    let counted = family.root::<Counter>()?;
    let count = counted.map_or(0, |counter| counter.count) + 1;
    let mut edits = Edits::new();
    edits.put_root(Counter { count });
    Ok(edits.answer(count))
}

pub(crate) async fn head(store: &dyn Store) -> Version {
    let view = store.read(&partition(), &Query::default()).await;
    view.expect("reads").head
}
