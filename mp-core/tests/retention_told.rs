//! What a sweep tells through `tracing`.
#![cfg(feature = "conformance")]

mod orders;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use mp_core::{
    conformance::HookedStore,
    store::{Batch, CommitId, Key, Limits, Store, Write},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use self::orders::{AGE, LINES, Shop, partition};

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
    let view = shop.look(&partition(2)).await;
    let put = Write::put(
        Key::root(),
        r#"{"kind":"retired","format":2,"was":7}"#.into(),
    );
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![put],
    };
    let committed = shop.store.commit(&partition(2), batch).await;
    committed.expect("commits");
    shop.clock.advance(AGE);
    let mut limits = Limits::STANDARD;
    // The root comes beside those that are selected.
    limits.read_max = LINES as u32 - 1;
    let store = HookedStore::new(shop.store.clone(), |_, _, _| async { Ok(()) });
    let store = Arc::new(store.with_limits(limits));
    let retention = shop.retention_over(store, shop.shelf.clone());
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.unreadable, sweep.retired), (2, 0));
    let told = collector.0.lock().expect("no panic");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("more records than one read"), "{told:?}");
    assert!(told[1].contains("does not read back"), "{told:?}");
    for (told, number) in told.iter().zip([1, 2]) {
        assert!(told.contains(&partition(number).to_string()), "{told:?}");
    }
}
