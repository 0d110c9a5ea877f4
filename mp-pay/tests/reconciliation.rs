//! A provider's own report beside our journals: from its books through CSV, and back.
#![cfg(feature = "csv")]

mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{
    ErrorKind, Timestamp,
    amount::Money,
    retention::{FileArchive, Retention},
    store::{MemoryStore, Store},
};
use mp_pay::{
    PayError, SandboxBackend,
    backend::{
        LookupRequest, PaymentBackend,
        sandbox::{Behaviour, Fees},
    },
    payments::{CancelIntent, CaptureIntent, RefundIntent},
    reconciliation::{
        Carry, Difference, ExtraReason, Reconciled, Reconciliation, Report, Subject, Window,
        csv::{Mapping, ReportReader},
    },
    retention::ClosedPayments,
};

use self::support::{CLASSES, World, app, clock, engine, eur, idem, mei, staff};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A world whose store can list what it holds.
struct Market {
    world: World,
    store: Arc<MemoryStore>,
    opened: Timestamp,
}

impl Market {
    fn new() -> Self {
        let clock = clock();
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        let sandbox = SandboxBackend::on(&provider, &account).with_capabilities(CLASSES[0]);
        let backend: Arc<dyn PaymentBackend> = Arc::new(sandbox.clone());
        let store = Arc::new(MemoryStore::new());
        let world = World::on(store.clone() as Arc<dyn Store>, clock, sandbox, backend);
        let opened = world.engine.now();
        // Within the day, away from its ends.
        world.clock.advance(DAY / 2);
        Self {
            world,
            store,
            opened,
        }
    }

    fn day(&self, number: u32) -> Window {
        let from = self.opened.plus(DAY * number);
        Window::new(from, from.plus(DAY)).expect("a day")
    }

    /// Lives through payments of every kind; each cent of them is told apart by its amount.
    async fn trade(&self) {
        let world = &self.world;
        for (number, token) in ["pm_ok", "pm_slow", "pm_timeout_after", "pm_declined"]
            .iter()
            .enumerate()
        {
            let key = format!("order-{number}");
            let intent = world.create(token, false, &key).await;
            world.confirm(intent.id, &key).await;
        }
        let held = world.create("pm_ok", true, "held").await;
        world.confirm(held.id, "held").await;
        for (key, cents) in [("first", 30), ("second", 45)] {
            let capture = CaptureIntent::of(held.id)
                .with_amount(eur(cents))
                .with_more_to_come();
            let captured = world.payments.capture(&staff(), capture, &idem(key)).await;
            captured.expect("captures");
        }
        let given_up = world.create("pm_ok", true, "given-up").await;
        world.confirm(given_up.id, "given-up").await;
        let cancel = CancelIntent::of(given_up.id);
        world
            .payments
            .cancel(&staff(), cancel, &idem("given-up"))
            .await
            .expect("cancels");
        let paid = world.create("pm_ok", false, "refunded").await;
        world.confirm(paid.id, "refunded").await;
        for cents in [10, 20] {
            let refund = RefundIntent::of(paid.id).with_amount(eur(cents));
            let key = idem(&format!("refund-{cents}"));
            world
                .payments
                .refund(&staff(), refund, &key)
                .await
                .expect("refunds");
        }
        world.let_time_pass(3).await;
    }

    async fn report(&self, window: Window) -> String {
        let (app, fees) = (app(), Fees::new(14, 5));
        let report = self.world.sandbox.settlement_report(&app, window, fees);
        String::from_utf8(report.await.expect("writes")).expect("is text")
    }

    fn reconciliation(&self, window: Window) -> Reconciliation {
        Reconciliation::new(&self.world.payments, window)
    }

    async fn read(
        &self,
        reconciliation: Reconciliation,
        report: &str,
    ) -> Result<Reconciled, PayError> {
        let lines = ReportReader::new(report.as_bytes(), &Mapping::sandbox()).expect("opens");
        reconciliation.run(&staff(), lines).await
    }

    async fn reconcile(&self, report: &str) -> Report {
        let all = self
            .reconciliation(self.day(0))
            .with_listing(self.store.clone());
        self.read(all, report).await.expect("reconciles").report
    }
}

#[tokio::test]
async fn a_providers_own_report_agrees_with_the_journals() {
    let market = Market::new();
    market.trade().await;
    let written = market.report(market.day(0)).await;
    let report = market.reconcile(&written).await;
    assert!(report.is_clean(), "{report}");
    let moved = market.world.moved().await;
    // Three charges, two captures, one charge and two refunds.
    assert_eq!((report.matched, moved.len()), (8, 8), "{report}");
    let total = &report.totals[0];
    let taken: i64 = moved.iter().sum();
    assert_eq!((total.ours, total.theirs), (eur(taken), eur(taken)));
    // 1.4 % and 5 cents of each of four charges of one euro, of 30 and of 45 cents.
    assert_eq!(total.fees, eur(4 * 6 + 5 + 6));
    assert_eq!(total.paid_out, eur(taken - 35));
    assert_eq!(report.payouts[0].adds_up(), Some(true));

    let named = market.reconciliation(market.day(0));
    let named = market
        .read(named, &written)
        .await
        .expect("reconciles")
        .report;
    assert!(named.is_clean(), "{named}");
    assert_eq!(named.matched, 8);
}

#[tokio::test]
async fn a_refund_that_came_back_agrees_too() {
    let mut market = Market::new();
    let failing = Behaviour::FailLater(Duration::from_secs(60));
    market.world.sandbox = market.world.sandbox.clone().with_refunds(failing);
    let backend = Arc::new(market.world.sandbox.clone());
    let (store, clock) = (market.store.clone(), market.world.clock.clone());
    market.world = World::on(store, clock, market.world.sandbox.clone(), backend);
    let paid = market.world.pay("pm_ok", false).await;
    let refund = RefundIntent::of(paid.id).with_amount(eur(40));
    market
        .world
        .payments
        .refund(&staff(), refund, &idem("refund"))
        .await
        .expect("refunds");
    let refund = market
        .world
        .movements()
        .await
        .pop()
        .expect("a refund")
        .operation;
    market.world.let_time_pass(2).await;
    // The provider tells by itself that it has failed.
    let desk = market.world.sandbox.clone();
    let desk = desk.with_capabilities(CLASSES[1]);
    let outcome = desk
        .lookup(&LookupRequest::of(app(), refund))
        .await
        .expect("looks");
    let mp_pay::backend::Lookup::Found(outcome) = outcome else {
        panic!("{outcome:?}");
    };
    let notice = mp_pay::payments::Notice {
        operation: refund,
        outcome,
    };
    market
        .world
        .payments
        .observe(&staff(), notice)
        .await
        .expect("observes");
    let report = market.reconcile(&market.report(market.day(0)).await).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.matched, 3);
}

/// Changes the rows of a report, without its first line.
fn changed(report: &str, change: impl FnOnce(&mut Vec<Vec<String>>)) -> String {
    let (columns, rows) = report.split_once('\n').expect("has columns");
    let cells = |row: &str| row.split(',').map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = rows.lines().map(cells).collect();
    change(&mut rows);
    let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    format!("{columns}\n{}\n", rows.join("\n"))
}

const KEY: usize = 1;
const REFERENCE: usize = 2;
const AMOUNT: usize = 3;

#[tokio::test]
async fn a_report_that_was_broken_tells_what_of_it() {
    let market = Market::new();
    market.trade().await;
    let sound = market.report(market.day(0)).await;
    let rows = changed(&sound, |rows| {
        let at = |amount: &str| {
            let found = rows.iter().position(|row| row[AMOUNT] == amount);
            found.expect("is in the report")
        };
        let (given, captured, other) = (at("-0.20"), at("0.45"), at("-0.10"));
        rows[captured][AMOUNT] = "0.54".to_owned();
        // The provider's own name for it is enough.
        rows[other][KEY].clear();
        let mut foreign = rows[other].clone();
        foreign[REFERENCE] = "somebody".to_owned();
        foreign[AMOUNT] = "7.00".to_owned();
        rows.push(foreign);
        let first = rows[0].clone();
        rows.push(first);
        rows.remove(given);
    });
    let report = market.reconcile(&rows).await;
    let [missing] = &report.missing.items[..] else {
        panic!("{report}");
    };
    assert_eq!(missing.amount, eur(-20));
    let [extra] = &report.extra.items[..] else {
        panic!("{report}");
    };
    assert_eq!(
        (extra.line.amount, extra.why),
        (eur(700), ExtraReason::NotOurs)
    );
    let differing: Vec<(Money, Difference)> = report
        .differing
        .items
        .iter()
        .map(|it| (it.theirs, it.what))
        .collect();
    assert_eq!(differing[0], (eur(54), Difference::Amount));
    assert_eq!(differing[1].1, Difference::Twice);
    assert_eq!(differing.len(), 2);
    // 7.00 more that is not ours, 0.20 that was not given, 0.09 more, and one told twice.
    let total = &report.totals[0];
    assert_eq!(total.difference, eur(700 + 20 + 9 + differing[1].0.minor()));
    assert_eq!(report.payouts[0].adds_up(), Some(false));
    assert_eq!(report.matched, 6);
}

#[tokio::test]
async fn days_follow_on_each_other() {
    let market = Market::new();
    market.trade().await;
    market
        .world
        .clock
        .set(market.opened.plus(DAY).minus(Duration::from_secs(30)));
    // It is charged before midnight, and that is learnt after.
    let late = market.world.create("pm_timeout_after", false, "late").await;
    market.world.confirm(late.id, "late").await;
    market.world.let_time_pass(2).await;
    let mut carry = Carry::default();
    let mut matched = Vec::new();
    for number in 0..3 {
        let window = market.day(number);
        let all = market
            .reconciliation(window)
            .after(carry)
            .with_listing(market.store.clone());
        let reconciled = market
            .read(all, &market.report(window).await)
            .await
            .expect("reconciles");
        assert!(reconciled.report.is_clean(), "{}", reconciled.report);
        assert_eq!(reconciled.report.pending.count, 0);
        matched.push(reconciled.report.matched);
        carry = reconciled.carry;
    }
    assert_eq!(matched, [9, 0, 0]);
    assert_eq!(carry, Carry::default());
}

#[tokio::test]
async fn what_was_retired_is_looked_for_in_the_archive() {
    let market = Market::new();
    let paid = market.world.pay("pm_ok", false).await;
    let written = market.report(market.day(0)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(FileArchive::in_folder(folder.path()));
    let rule = Arc::new(ClosedPayments::refundable_for(DAY));
    let retention = Retention::new(&market.world.engine, market.store.clone(), archive);
    market.world.clock.advance(DAY * 30);
    let swept = retention
        .with(rule, Duration::ZERO)
        .sweep_all()
        .await
        .expect("sweeps");
    assert_eq!(swept.retired, 1);
    let report = market.reconcile(&written).await;
    let [extra] = &report.extra.items[..] else {
        panic!("{report}");
    };
    assert_eq!(extra.why, ExtraReason::Archived);
    assert_eq!(extra.line.key.map(|key| key.intent), Some(paid.id));
}

#[tokio::test]
async fn only_staff_reconciles_and_only_what_is_of_its_app() {
    let market = Market::new();
    let paid = market.world.pay("pm_ok", false).await;
    let written = market.report(market.day(0)).await;
    let run = |caller: mp_core::Caller| {
        let lines = ReportReader::new(written.as_bytes(), &Mapping::sandbox()).expect("opens");
        let all = market
            .reconciliation(market.day(0))
            .with_listing(market.store.clone());
        let lines: Vec<_> = lines.collect();
        async move { all.run(&caller, lines).await }
    };
    let refused = run(mei()).await.expect_err("is refused");
    assert_eq!(mp_core::Error::from(refused).kind(), ErrorKind::Forbidden);
    let elsewhere = "mall".parse().expect("an app");
    let elsewhere = mp_core::Caller::app(elsewhere).with_scope(mp_core::Scope::STAFF);
    let report = run(elsewhere).await.expect("reconciles").report;
    assert_eq!(
        (report.matched, report.missing.count, report.extra.count),
        (0, 0, 1)
    );
    let report = run(staff()).await.expect("reconciles").report;
    assert_eq!(report.matched, 1);
    let none = market
        .reconcile("kind,key,reference,amount,fee,currency,at,payout\n")
        .await;
    let Subject::Operation(missing) = none.missing.items[0].subject else {
        panic!("{none}");
    };
    assert_eq!(missing.intent, paid.id);
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_the_error_of_the_reconciliation() {
    let market = Market::new();
    market.world.pay("pm_ok", false).await;
    let written = market.report(market.day(0)).await;
    let broken = changed(&written, |rows| rows[0][AMOUNT] = "1.005".to_owned());
    let error = market
        .read(market.reconciliation(market.day(0)), &broken)
        .await;
    let error = mp_core::Error::from(error.expect_err("is refused"));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().starts_with("line 2, column amount: "),
        "{error}"
    );
}
