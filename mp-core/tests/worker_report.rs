//! What a worker tells through `tracing`.

mod desk;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use mp_core::work::{Done, Worker, WorkerOptions};
use tokio::{sync::watch, time::sleep};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use self::desk::RuntimeClock;

/// The fields of each event of one target.
type Told = Arc<Mutex<Vec<BTreeMap<String, String>>>>;

/// Keeps the events that a host's collector would get.
struct Collector(Told);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mp_core::work"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().expect("no panic").push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_done_and_how_late_is_told_now_and_then() {
    let told = Told::default();
    let _default = tracing::subscriber::set_default(Collector(told.clone()));
    let store = desk::store();
    // Due for a minute already.
    desk::put(&store, "mail", 3).await;
    let handler = desk::on("mail", |_| async { Ok(Done::Finished) });
    let options = WorkerOptions::default().with_report_every(Duration::from_secs(10));
    let engine = desk::engine(&store, RuntimeClock::exact());
    let worker = Worker::new(&engine, options).with([handler]);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stopped).await });
    sleep(Duration::from_secs(25)).await;
    stop.send(true).expect("it runs");
    running.await.expect("ends");

    let told = told.lock().expect("no panic");
    assert_eq!(told.len(), 2, "{told:?}");
    let told = |name: &str| told[0][name].as_str();
    assert_eq!([told("kind"), told("finished")], ["\"mail\"", "3"]);
    assert_eq!([told("lag_ms"), told("lag_max_ms")], ["0", "60000"]);
    let p99: u64 = told("lag_p99_ms").parse().expect("a number");
    assert!((60_000..=75_000).contains(&p99), "{p99}");
}

#[tokio::test]
async fn a_handler_that_replaces_one_of_its_kind_is_told() {
    let told = Told::default();
    let _default = tracing::subscriber::set_default(Collector(told.clone()));
    let engine = desk::engine(&desk::store(), RuntimeClock::exact());
    let handler = |kind| desk::on(kind, |_| async { Ok(Done::Finished) });
    let worker = Worker::new(&engine, WorkerOptions::default()).with([handler("mail")]);
    let worker = worker.with([handler("post")]);
    assert_eq!(told.lock().expect("no panic").len(), 0);
    drop(worker.with([handler("mail")]));
    let told = told.lock().expect("no panic");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["kind"], "\"mail\"");
}
