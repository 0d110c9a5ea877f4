//! Leases, and processes whose clocks are off.

mod desk;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mp_core::{
    clock::SKEW_MAX,
    work::{Done, HANDLING_MAX, LEASE, Worker, WorkerOptions},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use self::desk::RuntimeClock;

type Spans = Arc<Mutex<Vec<(&'static str, Instant, Instant)>>>;

/// Notes for how long a handler runs, however it ends.
struct Span(&'static str, Instant, Spans);

impl Drop for Span {
    fn drop(&mut self) {
        let mut spans = self.2.lock().expect("no panic");
        spans.push((self.0, self.1, Instant::now()));
    }
}

#[test]
fn leases_are_ten_times_longer_than_clocks_may_be_off() {
    assert_eq!(LEASE, SKEW_MAX * 10);
    assert_eq!(HANDLING_MAX, LEASE - SKEW_MAX * 2);
}

#[tokio::test(start_paused = true)]
async fn processes_whose_clocks_are_off_never_handle_a_delivery_at_once() {
    let store = desk::store();
    desk::put(&store, "endless", 1).await;
    let spans = Spans::default();
    // Just within what is allowed.
    let off = SKEW_MAX - Duration::from_millis(1);
    let clocks = [
        ("slow", RuntimeClock::behind(off)),
        ("fast", RuntimeClock::ahead(off)),
    ];
    let (_go_on, stop) = watch::channel(false);
    let mut running = Vec::new();
    for (name, clock) in clocks {
        let spans = spans.clone();
        let handler = desk::on("endless", move |_| {
            let span = Span(name, Instant::now(), spans.clone());
            async move {
                let _span = span;
                sleep(LEASE * 100).await;
                Ok(Done::Finished)
            }
        });
        let options = WorkerOptions::default();
        let worker = Worker::new(&desk::engine(&store, clock), options).with([handler]);
        let stop = stop.clone();
        running.push(tokio::spawn(async move { worker.run(stop).await }));
    }
    // What hangs is tried again after pauses that grow.
    sleep(LEASE * 24).await;
    for each in running {
        each.abort();
    }
    let mut spans = spans.lock().expect("no panic").clone();
    spans.sort_by_key(|(_, start, _)| *start);
    for pair in spans.windows(2) {
        assert!(pair[0].2 <= pair[1].1, "handled twice at once: {pair:?}");
    }
    let names: Vec<&str> = spans.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        names[..2],
        ["slow", "fast"],
        "the fast one takes it when the slow one gives up"
    );
    assert!(spans.len() >= 10, "{spans:?}");
}
