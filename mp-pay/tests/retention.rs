//! Which payments leave the store, and what becomes of them.

mod support;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    ErrorKind,
    id::IdempotencyKey,
    port::{Fact, SecureRequest, Settled, Settlement, SettlementListener},
    retention::{AGE_MIN, FileArchive, Retention, Sweep},
    store::{MemoryStore, Store},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    PaymentIntent, PaymentsSettlement, SandboxBackend,
    backend::{DeclineCode, Outcome, PaymentBackend, Reference, sandbox::Behaviour},
    dispute::DisputeStatus,
    intent::IntentStatus,
    method::FixedMethods,
    operation::{OperationKey, Step},
    payments::{CancelIntent, ConfirmIntent, DisputeNotice, Notice, RefundIntent},
    retention::ClosedPayments,
};

use self::support::{CLASSES, World, app, clock, engine, eur, idem, mei, method, staff};

const WINDOW: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// A month, which is less than the window of what was paid.
const ABANDONED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const LEAVES: ClosedPayments = ClosedPayments::refundable_for(WINDOW).abandoned_after(ABANDONED);

/// A world whose store can list what it holds.
struct Books {
    world: World,
    store: Arc<MemoryStore>,
    folder: tempfile::TempDir,
}

impl Books {
    fn new() -> Self {
        let clock = clock();
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        let sandbox = SandboxBackend::on(&provider, &account).with_capabilities(CLASSES[1]);
        let backend: Arc<dyn PaymentBackend> = Arc::new(sandbox.clone());
        let store = Arc::new(MemoryStore::new());
        let world = World::on(store.clone() as Arc<dyn Store>, clock, sandbox, backend);
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            world,
            store,
            folder,
        }
    }

    async fn sweep(&self) -> Sweep {
        self.sweep_by(ClosedPayments::refundable_for(WINDOW)).await
    }

    async fn sweep_by(&self, rule: ClosedPayments) -> Sweep {
        let archive = Arc::new(FileArchive::in_folder(self.folder.path()));
        let retention = Retention::new(&self.world.engine, self.store.clone(), archive);
        let retention = retention.with(Arc::new(rule), Duration::ZERO);
        retention.sweep_all().await.expect("sweeps")
    }

    async fn refund(&self, intent: &PaymentIntent, cents: i64, key: &IdempotencyKey) {
        let refund = RefundIntent::of(intent.id).with_amount(eur(cents));
        let refunded = self.world.payments.refund(&staff(), refund, key).await;
        refunded.expect("refunds");
    }
}

#[tokio::test]
async fn a_payment_that_may_be_refunded_or_disputed_stays() {
    let books = Books::new();
    let paid = books.world.pay("pm_ok", false).await;
    assert_eq!(paid.status, IntentStatus::Succeeded);
    books.world.clock.advance(WINDOW - Duration::from_secs(1));
    assert_eq!(books.sweep().await.live, 1);
    books.refund(&paid, 40, &idem("some")).await;
    books.world.clock.advance(WINDOW - Duration::from_secs(1));
    assert_eq!(books.sweep().await.live, 1, "the window begins anew");
    books.world.clock.advance(Duration::from_secs(1));
    assert_eq!(books.sweep().await.retired, 1);
}

#[tokio::test]
async fn a_payment_that_never_took_anything_leaves_once_its_answers_are_forgotten() {
    let books = Books::new();
    let canceled = books.world.create("pm_ok", false, "other").await;
    let cancel = CancelIntent::of(canceled.id);
    let payments = &books.world.payments;
    payments
        .cancel(&staff(), cancel, &idem("cancel"))
        .await
        .expect("cancels");
    books.world.clock.advance(AGE_MIN - Duration::from_secs(1));
    assert_eq!(books.sweep().await.live, 1);
    books.world.clock.advance(Duration::from_secs(1));
    assert_eq!(books.sweep().await.retired, 1);
}

/// A capability may ask once more for what it had secured, and has to be answered.
#[tokio::test]
async fn what_a_capability_has_asked_for_stays_whatever_became_of_it() {
    let books = Books::new();
    let payments = &books.world.payments;
    let methods = FixedMethods::everybody(method("pm_ok"));
    let settlement = PaymentsSettlement::new(payments, Arc::new(methods));
    let [seat, fenced] = ["seat", "fenced"].map(|key| key.parse().expect("a key"));
    let request = SecureRequest {
        key: seat,
        app: app(),
        payer: "mei".parse().expect("a user"),
        amount: eur(100),
        deadline: books.world.engine.now().plus(Duration::from_secs(600)),
    };
    let (app, seat) = (&request.app, &request.key);
    settlement.secure(&request).await.expect("secures");
    settlement.release(app, &fenced).await.expect("fences");
    let cancel = CancelIntent::of(PaymentsSettlement::intent_of(app, seat));
    let canceled = payments.cancel(&staff(), cancel, &idem("cancel")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    books.world.clock.advance(WINDOW - Duration::from_secs(1));
    assert_eq!(books.sweep().await.live, 2);
    for key in [seat, &fenced] {
        let settled = settlement.settle(app, key).await.expect("answers");
        assert!(matches!(settled, Settled::Declined(_)), "{settled:?}");
        settlement.release(app, key).await.expect("answers");
    }
    books.world.clock.advance(WINDOW);
    assert_eq!(books.sweep().await.retired, 2);
}

#[tokio::test]
async fn a_payment_whose_refund_may_still_come_back_stays() {
    let books = Books::new();
    let world = &books.world;
    let paid = world.pay("pm_ok", false).await;
    world
        .sandbox
        .script(Behaviour::FailLater(Duration::from_secs(5 * 24 * 60 * 60)));
    books.refund(&paid, 100, &idem("all")).await;
    world.clock.advance(AGE_MIN * 3);
    assert_eq!(books.sweep().await.live, 1, "the bank may return it");
    let refunds = world.payments.refunds(&staff(), paid.id).await;
    let step = Step::Refund(refunds.expect("reads")[0].id);
    let operation = OperationKey {
        intent: paid.id,
        step,
    };
    let outcome = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
    let told = Notice { operation, outcome };
    let told = world.payments.observe(&staff(), told).await;
    assert_eq!(told.expect("hears it").amount_refundable(), eur(100));
    books.refund(&paid, 100, &idem("again")).await;
    world.clock.advance(WINDOW);
    assert_eq!(books.sweep().await.retired, 1);
}

#[tokio::test]
async fn a_payment_under_way_stays_however_old() {
    let books = Books::new();
    books.world.create("pm_ok", false, "untouched").await;
    let held = books.world.pay("pm_ok", true).await;
    assert_eq!(held.status, IntentStatus::RequiresCapture);
    books.world.clock.advance(WINDOW * 10);
    let sweep = books.sweep().await;
    assert_eq!((sweep.live, sweep.retired), (2, 0));
}

#[tokio::test]
async fn an_abandoned_payment_leaves_after_its_window_and_is_confirmed_no_more() {
    let books = Books::new();
    let world = &books.world;
    let left = world.create("pm_ok", false, "left").await;
    let declined = world.pay("pm_declined", false).await;
    assert_eq!(declined.status, IntentStatus::RequiresPaymentMethod);
    let moments = [ABANDONED - Duration::from_secs(1), Duration::from_secs(1)];
    for (passes, retired) in moments.into_iter().zip([0, 2]) {
        world.clock.advance(passes);
        assert_eq!(books.sweep_by(LEAVES).await.retired, retired);
    }
    for intent in [left.id, declined.id] {
        let confirm = ConfirmIntent::of(intent).with_payment_method(method("pm_ok"));
        let late = world.payments.confirm(&mei(), confirm, &idem("late")).await;
        let late = mp_core::Error::from(late.expect_err("it has left"));
        assert_eq!(late.code(), "archived");
    }
    assert_eq!(world.moved().await, [0; 0]);
}

#[tokio::test]
async fn what_is_held_under_way_or_disputed_is_not_abandoned() {
    let books = Books::new();
    let world = &books.world;
    for (token, manual) in [("pm_ok", true), ("pm_slow", false), ("pm_declined", false)] {
        let intent = world.create(token, manual, token).await;
        let intent = world.confirm(intent.id, token).await;
        if token == "pm_declined" {
            let dispute = DisputeNotice {
                intent: intent.id,
                attempt: None,
                reference: Reference::new("dp_1").expect("a reference"),
                amount: eur(100),
                status: DisputeStatus::Inquiry,
                reason: None,
            };
            let told = world.payments.observe_dispute(&staff(), dispute).await;
            told.expect("hears it");
        }
    }
    world.clock.advance(ABANDONED * 2);
    let sweep = books.sweep_by(LEAVES).await;
    assert_eq!((sweep.live, sweep.retired), (3, 0));
}

#[tokio::test]
async fn what_was_archived_is_not_paid_again_and_its_books_are_in_the_archive() {
    let books = Books::new();
    let paid = books.world.pay("pm_ok", false).await;
    books.world.clock.advance(WINDOW);
    assert_eq!(books.sweep().await.retired, 1);

    let payments = &books.world.payments;
    let read = payments.intent(&staff(), paid.id).await;
    let error = mp_core::Error::from(read.expect_err("is archived"));
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::NotFound, "archived")
    );
    let refund = RefundIntent::of(paid.id);
    let refund = payments.refund(&staff(), refund, &idem("late")).await;
    assert_eq!(
        mp_core::Error::from(refund.expect_err("is archived")).code(),
        "archived"
    );
    // The same call with the same key would make the same intent.
    let again = mp_pay::payments::CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
    let again = payments.create_intent(&mei(), again, &idem("create")).await;
    assert_eq!(
        mp_core::Error::from(again.expect_err("is archived")).code(),
        "archived"
    );
    assert_eq!(books.world.moved().await, [100], "no more money has moved");

    let files = std::fs::read_dir(books.folder.path()).expect("a folder");
    let files = files.map(|file| file.expect("a file").path());
    let archived = files.flat_map(|file| FileArchive::read(file).expect("reads"));
    let archived: Vec<_> = archived.collect::<Result<_, _>>().expect("reads back");
    let [payment] = &archived[..] else {
        panic!("one payment, not {archived:?}");
    };
    let keys: Vec<&str> = payment
        .records
        .iter()
        .map(|record| record.key.as_str())
        .collect();
    assert_eq!(keys[0], "");
    let root = String::from_utf8_lossy(&payment.records[0].value).into_owned();
    assert!(root.contains(r#""type":"observed""#), "with its journal");
    assert!(root.contains(r#""attempts":{"1":"#), "and its attempt");
    assert!(
        root.contains(r#""amount_received":{"amount":100,"currency":"EUR"}"#),
        "{root}"
    );
}

#[tokio::test]
async fn a_charge_that_a_person_has_found_declined_stays_while_its_backend_may_tell_otherwise() {
    for cancels in [true, false] {
        let books = Books::new();
        let payments = &books.world.payments;
        books.world.sandbox.script(Behaviour::Misstate(eur(90)));
        let odd = books.world.pay("pm_ok", false).await;
        books.world.let_time_pass(1).await;
        let (intent, step) = (odd.id, Step::Charge(1));
        let operation = OperationKey { intent, step };
        let outcome = Outcome::declined(DeclineCode::new("never_came").expect("a code"));
        let found = Notice { operation, outcome };
        let found = payments.resolve(&staff(), found, &idem("r")).await;
        let found = found.expect("resolves");
        assert_eq!(found.status, IntentStatus::RequiresPaymentMethod);
        if cancels {
            let cancel = CancelIntent::of(intent);
            let canceled = payments.cancel(&staff(), cancel, &idem("x")).await;
            assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
        }
        books.world.clock.advance(WINDOW - Duration::from_secs(1));
        assert_eq!(books.sweep_by(LEAVES).await.live, 1);
        books.world.clock.advance(Duration::from_secs(1));
        assert_eq!(books.sweep_by(LEAVES).await.retired, 1);
    }
}

#[tokio::test]
async fn a_payment_that_was_let_go_of_stays_until_a_person_has_found_what_became_of_it() {
    let books = Books::new();
    let world = &books.world;
    let methods = Arc::new(FixedMethods::everybody(method("pm_ok")));
    let port = PaymentsSettlement::new(&world.payments, methods);
    let request = SecureRequest {
        key: "seat".parse().expect("a key"),
        app: app(),
        payer: "mei".parse().expect("a user"),
        amount: eur(100),
        deadline: world.engine.now().plus(AGE_MIN),
    };
    port.secure(&request).await.expect("secures");
    port.settle(&app(), &request.key).await.expect("settles");
    let code = || DeclineCode::new("insufficient_funds").expect("a code");
    world.sandbox.script(Behaviour::Decline(code()));
    port.release(&app(), &request.key).await.expect("is noted");
    world.let_time_pass(1).await;
    world.clock.advance(WINDOW);
    assert_eq!(books.sweep().await.live, 1, "it is owed");
    let waiting = world.payments.unresolved(&staff(), None, 10).await;
    let operation = waiting.expect("lists")[0].operation;
    let outcome = Outcome::declined(code());
    let found = Notice { operation, outcome };
    let found = world.payments.resolve(&staff(), found, &idem("r")).await;
    found.expect("resolves");
    // What the capability was told is handed on by somebody else.
    let ear = Worker::new(&world.engine, WorkerOptions::default());
    ear.with(port.handlers(Arc::new(Deaf)))
        .drain()
        .await
        .expect("works");
    assert_eq!(books.sweep().await.live, 1, "the window begins anew");
    world.clock.advance(WINDOW);
    assert_eq!(books.sweep().await.retired, 1);
}

#[derive(Debug)]
struct Deaf;

#[async_trait]
impl SettlementListener for Deaf {
    async fn learnt(&self, _: &Fact) -> Result<(), mp_core::Error> {
        Ok(())
    }
}
