//! What becomes of work whose handlers wait for an answer that does not come.

mod desk;

use std::{future::pending, sync::Arc, time::Duration};

use mp_core::{
    store::Store,
    work::{ATTEMPTS_MAX, Done, LEASE, Worker, WorkerOptions},
};
use tokio::time::{Instant, sleep};

use self::desk::RuntimeClock;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A worker whose handler gets no answer for so long, and then at once.
fn unanswered_for(store: &Arc<dyn Store>, outage: Duration) -> Worker {
    let engine = desk::engine(store, RuntimeClock::exact());
    let over = Instant::now() + outage;
    let handler = desk::on("test", move |_| async move {
        if Instant::now() < over {
            pending::<()>().await;
        }
        Ok(Done::Finished)
    });
    Worker::new(&engine, WorkerOptions::default()).with([handler])
}

/// Works for so long, or until nothing is left to be done.
async fn work(worker: &Worker, span: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < span && worker.report()["test"].finished == 0 {
        worker.drain().await.expect("works");
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_silence_of_three_hours_makes_work_dead() {
    let store = desk::store();
    desk::put(&store, "test", 1).await;
    let worker = unanswered_for(&store, 3 * HOUR);
    work(&worker, 8 * HOUR).await;
    assert_eq!(worker.dead(10).await.expect("lists"), []);
    assert_eq!(worker.report()["test"].finished, 1);
}

#[tokio::test(start_paused = true)]
async fn work_that_hangs_for_ever_is_dead_in_the_end_and_says_so() {
    let store = desk::store();
    desk::put(&store, "test", 1).await;
    let worker = unanswered_for(&store, 100 * HOUR);
    work(&worker, 8 * HOUR).await;
    let dead = worker.dead(10).await.expect("lists");
    let last_error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(last_error.contains("not done within 40 s"), "{last_error}");
    let report = worker.report()["test"];
    assert_eq!(report.broken_off, u64::from(ATTEMPTS_MAX));
    assert_eq!((report.failed, report.dead), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_hung_is_not_due_again_before_its_lease_ends() {
    let store = desk::store();
    desk::put(&store, "test", 1).await;
    let worker = unanswered_for(&store, Duration::from_secs(1));
    let begun = Instant::now();
    work(&worker, HOUR).await;
    assert_eq!(worker.report()["test"].finished, 1);
    let again = begun.elapsed();
    assert!(again >= LEASE, "{again:?}");
    assert!(again < LEASE + Duration::from_secs(5), "{again:?}");
}
