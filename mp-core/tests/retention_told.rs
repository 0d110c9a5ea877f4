//! What a sweep tells through `tracing`.
#![cfg(feature = "conformance")]

mod orders;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use mp_core::store::{Batch, CommitId, Key, Store, Write};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use self::orders::{AGE, Shop, partition};

/// Keeps the fields of what is told as text.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<String>>>);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mp_core::retention")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().expect("no panic").push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

#[tokio::test]
async fn why_an_aggregate_cannot_be_judged_is_told() {
    let collector = Collector::default();
    let _default = tracing::subscriber::set_default(collector.clone());
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.put(2, false).await;
    for (number, root) in [
        (1, r#"{"kind":"order","format":1}"#),
        (2, r#"{"kind":"retired","format":2,"was":7}"#),
    ] {
        let view = shop.look(&partition(number)).await;
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: view.at,
            writes: vec![Write::put(Key::root(), root.into())],
        };
        let committed = shop.store.commit(&partition(number), batch).await;
        committed.expect("commits");
    }
    shop.clock.advance(AGE);
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!((sweep.unreadable, sweep.retired), (2, 0));
    let told = collector.0.lock().expect("no panic");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("it cannot be judged"), "{told:?}");
    assert!(told[1].contains("does not read back"), "{told:?}");
    for (told, number) in told.iter().zip([1, 2]) {
        assert!(told.contains(&partition(number).to_string()), "{told:?}");
    }
}
