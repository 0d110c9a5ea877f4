//! Two processes at once, with callers and due work, on every store.

use std::{sync::Arc, time::Duration};

use mp_core::work::WorkerOptions;
use mp_pay::{
    IntentId,
    backend::{Lookup, LookupRequest, PaymentBackend, sandbox::Behaviour},
    intent::IntentStatus,
    journal::replay,
    operation::{OperationKey, Step},
    payments::{ConfirmIntent, Notice},
    routing::Routing,
};

use super::{
    able, processing_error,
    stores::Shared,
    support::{
        World, app,
        fleet::{Fleet, name},
        idem, mei, staff,
    },
};

/// How many payments are made on each store.
const ROUNDS: usize = 40;

/// What the first backend may do with a charge.
fn moods() -> [Behaviour; 5] {
    [
        processing_error(),
        Behaviour::Unavailable,
        Behaviour::TimeoutBefore,
        Behaviour::TimeoutAfter,
        Behaviour::Delay(Duration::from_secs(5)),
    ]
}

/// Confirms under one key, again and again, as callers do that lose patience.
async fn confirm(world: Arc<World>, id: IntentId, key: &'static str) {
    for _ in 0..4 {
        let confirm = ConfirmIntent::of(id);
        // Whoever comes second may be refused.
        let _ = world.payments.confirm(&mei(), confirm, &idem(key)).await;
        tokio::task::yield_now().await;
    }
}

/// Tells of the first charge what the first backend's books say, once they say anything.
async fn tell(world: Arc<World>, id: IntentId) {
    let step = Step::Charge(1);
    let operation = OperationKey { intent: id, step };
    for _ in 0..8 {
        let found = world
            .sandbox
            .lookup(&LookupRequest::of(app(), operation))
            .await
            .expect("looks");
        if let Lookup::Found(outcome) = found {
            let notice = Notice { operation, outcome };
            let acme = name("acme");
            let _ = world.payments.observe_from(&staff(), &acme, notice).await;
        }
        tokio::task::yield_now().await;
    }
}

async fn drain(world: Arc<World>) {
    let options = WorkerOptions::default();
    let worker = mp_core::work::Worker::new(&world.engine, options).with(world.payments.handlers());
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(1));
        worker.drain().await.expect("works");
    }
}

async fn check(fleet: &Fleet, world: &World, id: IntentId, case: &str) {
    let intent = world.intent(id).await;
    assert_eq!(intent.status, IntentStatus::Succeeded, "{case}: {intent:?}");
    let movements = fleet.movements().await;
    let of = movements.iter().filter(|it| it.operation.intent == id);
    let taken: Vec<i64> = of.map(|it| it.amount.minor()).collect();
    assert_eq!(taken, [100], "{case}");
    let journal = world.payments.journal(&staff(), id).await.expect("reads");
    for entries in 1..=journal.len() {
        let attempts = replay(&journal[..entries]).expect("replays").attempts;
        let open = attempts
            .iter()
            .filter(|it| !it.charge.stage.is_known())
            .count();
        assert!(open <= 1, "{case}: {attempts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_attempt_is_open_at_most_whoever_comes_at_once() {
    for shared in Shared::all("one_attempt_is_open_at_most").await {
        let [one, two] = shared.stores();
        let fleet = Fleet::on(one.clone(), able(), able());
        let world = |store| {
            let routing = Routing::new(fleet.backends(), fleet.rules.clone()).expect("fits");
            Arc::new(fleet.world_on(store, routing))
        };
        let worlds = [world(one.clone()), world(two.clone())];
        for round in 0..ROUNDS {
            let case = format!("{} round {round}", shared.name);
            let moods = moods();
            fleet.acme.script(moods[round % moods.len()].clone());
            let key = format!("round-{round}");
            let id = worlds[0].create("pm_ok", false, &key).await.id;
            let [one, two] = &worlds;
            let tasks = [
                tokio::spawn(confirm(one.clone(), id, "one")),
                tokio::spawn(confirm(two.clone(), id, "one")),
                tokio::spawn(confirm(two.clone(), id, "two")),
                tokio::spawn(tell(one.clone(), id)),
                tokio::spawn(drain(one.clone())),
                tokio::spawn(drain(two.clone())),
            ];
            for task in tasks {
                task.await.expect("no panic");
            }
            worlds[0].let_time_pass(4).await;
            check(&fleet, &worlds[1], id, &case).await;
        }
    }
}
