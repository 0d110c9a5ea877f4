//! Every crash and every lost answer between a provider that sends webhooks and the books,
//! enumerated: what was acknowledged has its effect, and each effect is there once.

#[path = "webhooks/sender.rs"]
mod sender;
mod support;

use std::{collections::BTreeSet, pin::Pin, time::Duration};

use mp_core::feed::{Cursor, Feed, Feeds};
use mp_pay::{
    Payments,
    backend::sandbox::{Behaviour, DELAY},
    intent::IntentStatus,
    news::{CAPTURED, REFUNDED},
    payments::{ConfirmIntent, RefundIntent},
    webhook::{Observation, Webhooks},
};

use self::support::{
    CLASSES, app, eur,
    faulty::{FAULTS, Fault},
    idem, mei,
    process::{Outside, Process, Strike, UNHARMED, strikes},
    staff,
};

fn sales() -> Feed {
    Feed::new("sales".parse().expect("a name"))
}

/// What one process runs: payments that tell a feed, and the intake.
fn run(process: &Process) -> (Payments, Webhooks) {
    let payments = process.world.payments.clone().with_feed(sales());
    let webhooks = sender::intake(&process.world.engine, &payments);
    (payments, webhooks)
}

/// Works as far as the process lives.
async fn work(process: &Process, payments: &Payments, webhooks: &Webhooks) {
    let feeds = Feeds::new(&process.world.engine);
    let worker = sender::worker(&process.world, webhooks)
        .with(payments.handlers())
        .with(feeds.handlers());
    for _ in 0..4 {
        // A process that dies of it is started again by the caller.
        let _ = worker.drain().await;
        process.world.clock.advance(Duration::from_secs(61));
    }
}

/// How a process is sent what was not acknowledged.
type Intake = for<'a> fn(&'a Process, &'a mut BTreeSet<String>) -> BoxFuture<'a>;

type BoxFuture<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Has the provider send everything twice that was not acknowledged before, and the process work.
async fn send_and_work(process: &Process, acknowledged: &mut BTreeSet<String>) {
    let (payments, webhooks) = run(process);
    let events = process.world.sandbox.events(&app()).await.expect("tells");
    let unheard = events.iter().filter(|it| !acknowledged.contains(&it.id));
    let unheard: Vec<_> = unheard.collect();
    for event in unheard.iter().chain(&unheard) {
        let sent = sender::send(&webhooks, event, process.world.engine.now()).await;
        if sent.is_ok() {
            acknowledged.insert(event.id.clone());
        }
    }
    work(process, &payments, &webhooks).await;
}

/// The hole that this crate closes: each event is acknowledged, then handled, and nothing is due.
async fn acknowledge_and_handle(process: &Process, acknowledged: &mut BTreeSet<String>) {
    let (payments, webhooks) = run(process);
    for event in process.world.sandbox.events(&app()).await.expect("tells") {
        if !acknowledged.insert(event.id.clone()) {
            continue;
        }
        let raw = sender::signed(app(), &event.body, process.world.engine.now());
        for observation in sender::adapter().read(&raw).await.expect("reads") {
            if let Observation::Operation(notice) = observation {
                let _ = payments.observe(&staff(), notice).await;
            }
        }
    }
    work(process, &payments, &webhooks).await;
}

/// Lives through a charge and a refund that only webhooks tell of; one process is struck while the
/// webhooks of both come in, and another one goes on where it died.
async fn live(strike: Strike, send_and_work: Intake) -> u32 {
    let outside = Outside::new(CLASSES[2]);
    let (well, struck) = (outside.start(UNHARMED), outside.start(strike));
    let (payments, webhooks) = run(&well);
    let mut acknowledged = BTreeSet::new();
    let intent = well.world.create("pm_slow", false, "create").await;
    let confirm = ConfirmIntent::of(intent.id);
    let confirmed = payments.confirm(&mei(), confirm, &idem("confirm")).await;
    confirmed.expect("confirms");
    outside.clock.advance(DELAY);
    send_and_work(&struck, &mut acknowledged).await;
    send_and_work(&well, &mut acknowledged).await;

    outside.sandbox.script(Behaviour::Delay(DELAY));
    let refund = RefundIntent::of(intent.id).with_amount(eur(30));
    let asked = payments.refund(&staff(), refund, &idem("refund")).await;
    asked.expect("the payment is known to have succeeded");
    outside.clock.advance(DELAY);
    send_and_work(&struck, &mut acknowledged).await;
    send_and_work(&well, &mut acknowledged).await;
    audit(&well, &webhooks, intent.id, strike).await;
    struck.store.doom.calls()
}

async fn audit(last: &Process, webhooks: &Webhooks, id: mp_pay::IntentId, strike: Strike) {
    let paid = last.world.intent(id).await;
    assert_eq!(paid.status, IntentStatus::Succeeded, "{strike:?}");
    assert_eq!(paid.amount_refunded, eur(30), "{strike:?}");
    assert!(paid.amount_reserved_for_refund.is_zero(), "{strike:?}");
    assert_eq!(last.world.moved().await, [100, -30], "{strike:?}");
    let left = webhooks.unhandled(&staff(), None, 10).await;
    assert_eq!(left.expect("lists"), [], "{strike:?}");
    let dead = last.world.store.dead(None, 10).await.expect("lists");
    assert_eq!(dead, [], "{strike:?}");
    let feeds = Feeds::new(&last.world.engine);
    let (app, sales) = (app(), sales());
    let told = feeds
        .read(&app, &sales, Cursor::START, 100)
        .await
        .expect("reads");
    for topic in [CAPTURED, REFUNDED] {
        let times = told.events.iter().filter(|event| event.topic == topic);
        assert_eq!(times.count(), 1, "{strike:?} {topic}");
    }
}

fn kept<'a>(process: &'a Process, acknowledged: &'a mut BTreeSet<String>) -> BoxFuture<'a> {
    Box::pin(send_and_work(process, acknowledged))
}

fn forgotten<'a>(process: &'a Process, acknowledged: &'a mut BTreeSet<String>) -> BoxFuture<'a> {
    Box::pin(acknowledge_and_handle(process, acknowledged))
}

#[tokio::test(start_paused = true)]
async fn any_single_fault_loses_no_acknowledged_webhook_and_doubles_no_effect() {
    let writes = live(UNHARMED, kept).await;
    let strikes = strikes(writes + 4, 0, &FAULTS);
    println!("{writes} writes, {} single faults", strikes.len());
    assert!(strikes.len() >= 72, "{}", strikes.len());
    for strike in strikes {
        live(strike, kept).await;
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the payment is known to have succeeded")]
async fn an_intake_that_acknowledges_first_is_found_out_by_this_test() {
    live(UNHARMED, forgotten).await;
    let strike = Strike {
        write: 1,
        call: 0,
        fault: Fault::DiesBefore,
    };
    live(strike, forgotten).await;
}
