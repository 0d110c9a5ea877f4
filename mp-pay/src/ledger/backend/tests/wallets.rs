//! What stored value allows, and what it does not.

use std::sync::Arc;

use mp_core::{
    Caller, Error,
    amount::{Currency, Money},
    retention::{AGE_MIN, FileArchive, Retention},
    work::{Worker, WorkerOptions},
};

use super::scene::{Scene, account, app, declined, eur, expect_amount, key, office, token};
use crate::{
    Payments,
    backend::{BackendErrorKind, Outcome, PaymentBackend},
    intent::IntentStatus,
    ledger::{
        ClosedSettlements, LedgerBackend, LedgerError, NamedTransfer, NewTransfer, OpenAccount,
        PostTransfer, SETTLEMENT_HOLD, Side, Transfer, TransferId,
    },
    operation::Step,
    payments::{CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, RefundIntent},
};

pub(super) async fn nobody_pays_from_an_account_that_is_not_theirs(scene: Scene) {
    for (number, name) in (1..).zip(["bo/wallet", "house/till", "mei/cash", "no/such", "pm_ok"]) {
        let mut request = scene.request(30, true);
        request.payment_method = token(name);
        request.key = key(Step::Charge(number));
        let refused = scene.backend.charge(&request).await;
        let refused = refused.expect("is answered");
        assert_eq!(refused, declined("resource_missing"), "{name}");
    }
    let bo = scene.ledger.account(&office(), &account("bo/wallet")).await;
    assert_eq!(bo.expect("is there").posted(), 100);
    assert_eq!(scene.balances().await, (100, 100, 0));
}

pub(super) async fn a_payer_who_has_too_little_is_declined(scene: Scene) {
    assert_eq!(scene.hold(101).await, declined("insufficient_funds"));
    assert_eq!(scene.balances().await, (100, 100, 0));
    // Nothing was ever held, and so there is nothing to let go of or to take.
    assert!(matches!(scene.void().await, Outcome::Settled { .. }));
    assert_eq!(
        scene.capture(1, 10).await,
        declined("charge_not_capturable")
    );
    assert_eq!(scene.refund(1, 10).await, declined("resource_missing"));
    scene.audit().await;
}

pub(super) async fn what_counts_something_else_is_declined(scene: Scene) {
    let mut dollars = scene.request(30, false);
    dollars.amount = Money::new(30, Currency::USD);
    let refused = scene.backend.charge(&dollars).await.expect("is answered");
    assert_eq!(refused, declined("payment_method_currency_mismatch"));
    // The wallet counts dollars, and the till does not.
    let owner = "mei".parse().expect("a user");
    let wallet = OpenAccount::wallet(account("mei/dollars"), Currency::USD.into(), owner);
    scene.ledger.open(&office(), wallet).await.expect("opens");
    dollars.key = key(Step::Charge(2));
    dollars.payment_method = token("mei/dollars");
    let refused = scene.backend.charge(&dollars).await.expect("is answered");
    assert_eq!(refused, declined("account_invalid"));
}

pub(super) async fn a_hold_is_captured_in_part_and_the_rest_let_go(scene: Scene) {
    let held = scene.hold(80).await;
    assert!(matches!(
        held,
        Outcome::Authorized {
            expires_at: Some(_),
            ..
        }
    ));
    assert_eq!(scene.balances().await, (100, 20, 0));
    assert_eq!(scene.capture(1, 81).await, declined("amount_too_large"));
    expect_amount(&scene.capture(2, 60).await, 60);
    assert_eq!(scene.balances().await, (40, 40, 60));
    assert_eq!(scene.void().await, declined("charge_already_captured"));
    scene.audit().await;
}

pub(super) async fn a_hold_lapses_by_the_clock(scene: Scene) {
    scene.hold(80).await;
    scene.pass(SETTLEMENT_HOLD);
    let late = scene.capture(1, 80).await;
    assert_eq!(late, declined("charge_expired_for_capture"));
    assert!(
        matches!(scene.void().await, Outcome::Settled { .. }),
        "there is nothing held"
    );
    let worker = Worker::new(&scene.engine, WorkerOptions::default());
    let worker = worker.with(scene.ledger.handlers());
    worker.drain().await.expect("works");
    assert_eq!(scene.balances().await, (100, 100, 0));
    scene.audit().await;
}

pub(super) async fn a_void_before_its_charge_forestalls_it(scene: Scene) {
    assert!(matches!(scene.void().await, Outcome::Settled { .. }));
    assert_eq!(scene.hold(80).await, declined("canceled"));
    assert_eq!(scene.balances().await, (100, 100, 0));
}

pub(super) async fn no_more_is_refunded_than_was_taken(scene: Scene) {
    scene.charge(60).await;
    let too_much = declined("amount_too_large");
    assert_eq!(scene.refund(1, 61).await, too_much);
    expect_amount(&scene.refund(2, 40).await, 40);
    assert_eq!(scene.refund(3, 21).await, too_much);
    expect_amount(&scene.refund(4, 20).await, 20);
    assert_eq!(scene.refund(5, 1).await, too_much);
    assert_eq!(scene.balances().await, (100, 100, 0));
    scene.audit().await;
}

pub(super) async fn a_payee_who_has_too_little_gives_nothing_back(scene: Scene) {
    // A till of the stall's own, which was emptied.
    let owner = "chef".parse().expect("a user");
    let till = OpenAccount::wallet(account("stall/till"), Currency::EUR.into(), owner);
    scene.ledger.open(&office(), till).await.expect("opens");
    let accounts = crate::ledger::FixedAccounts::paid_into(account("stall/till"));
    let backend = LedgerBackend::new(&scene.ledger, Arc::new(accounts));
    backend
        .charge(&scene.request(60, true))
        .await
        .expect("is answered");
    let bank = OpenAccount::own(account("stall/bank"), Currency::EUR.into(), Side::Debit);
    scene.ledger.open(&office(), bank).await.expect("opens");
    let empty = NewTransfer::of(account("stall/till"), account("stall/bank"), eur(60));
    scene.moves("empty", empty).await;
    assert_eq!(scene.refund(1, 20).await, declined("insufficient_funds"));
    assert_eq!(scene.balances().await, (40, 40, 0));
    let fill = NewTransfer::of(account("stall/bank"), account("stall/till"), eur(60));
    scene.moves("fill", fill).await;
    expect_amount(&scene.refund(2, 60).await, 60);
    assert_eq!(scene.balances().await, (100, 100, 0));
    scene.audit().await;
}

pub(super) async fn an_intent_is_paid_and_refunded_from_a_wallet(scene: Scene) {
    let payments = Payments::new(&scene.engine, Arc::new(scene.backend.clone()));
    let mei = Caller::user(app(), "mei".parse().expect("a user"));
    let idem = |key: &str| key.parse().expect("a key");
    let order = |method| {
        let create = CreateIntent::of(eur(80)).with_payment_method(token(method));
        create.with_manual_capture()
    };
    let create = async |method, key| {
        let created = payments
            .create_intent(&mei, order(method), &idem(key))
            .await;
        created.expect("creates").id
    };
    let id = create("mei/wallet", "one").await;
    let confirm = ConfirmIntent::of(id);
    let held = payments.confirm(&mei, confirm, &idem("one")).await;
    assert_eq!(
        held.expect("confirms").status,
        IntentStatus::RequiresCapture
    );
    assert_eq!(scene.balances().await, (100, 20, 0));
    let capture = CaptureIntent::of(id).with_amount(eur(60));
    payments
        .capture(&office(), capture, &idem("one"))
        .await
        .expect("captures");
    for (key, cents) in [("a", 20), ("b", 15)] {
        let refund = RefundIntent::of(id).with_amount(eur(cents));
        payments
            .refund(&office(), refund, &idem(key))
            .await
            .expect("refunds");
    }
    assert_eq!(scene.balances().await, (75, 75, 25));

    // Somebody else's wallet, and one that was given up.
    let id = create("bo/wallet", "two").await;
    let declined = payments
        .confirm(&mei, ConfirmIntent::of(id), &idem("two"))
        .await;
    let declined = declined.expect("confirms").status;
    assert_eq!(declined, IntentStatus::RequiresPaymentMethod);
    let again = ConfirmIntent::of(id).with_payment_method(token("mei/wallet"));
    let short = payments
        .confirm(&mei, again, &idem("three"))
        .await
        .expect("confirms");
    assert_eq!(
        short.last_error.expect("says why").as_str(),
        "insufficient_funds"
    );
    let canceled = payments
        .cancel(&office(), CancelIntent::of(id), &idem("two"))
        .await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    assert_eq!(scene.balances().await, (75, 75, 25));
    scene.audit().await;
}

pub(super) async fn an_intents_payment_is_moved_by_nobody_but_the_intent(scene: Scene) {
    let (book, transfer) = LedgerBackend::transfer_of(&app(), &key(Step::Charge(1)));
    let named = || NamedTransfer {
        book: book.clone(),
        transfer,
    };
    let post = PostTransfer {
        book: book.clone(),
        transfer,
        amount: None,
    };
    let refused = |answer: Result<Transfer, LedgerError>| {
        let error = Error::from(answer.expect_err("it is the intent's"));
        assert_eq!(error.field(), Some("book"), "{error}");
    };
    let (office, ledger) = (office(), &scene.ledger);
    scene.hold(80).await;
    refused(ledger.post(&office, post).await);
    refused(ledger.void(&office, named()).await);
    assert_eq!(scene.balances().await, (100, 20, 0), "it is still held");
    expect_amount(&scene.capture(1, 60).await, 60);
    let reversal = TransferId::derived(&["back"]);
    refused(ledger.reverse(&office, reversal, named()).await);
    expect_amount(&scene.refund(1, 60).await, 60);
    assert_eq!(scene.balances().await, (100, 100, 0));
    scene.audit().await;
}

pub(super) async fn what_is_over_is_retired_and_never_acts_again(scene: Scene) {
    scene.charge(60).await;
    let attic = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(FileArchive::in_folder(attic.path()));
    let rule = Arc::new(ClosedSettlements::refundable_for(2 * AGE_MIN));
    let retention = Retention::new(&scene.engine, scene.store.clone(), archive);
    let retention = retention.with(rule, AGE_MIN);
    scene.pass(3 * AGE_MIN);
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!(sweep.retired, 1, "the payment's book, and no account");
    let again = scene.backend.charge(&scene.request(60, true)).await;
    let refused = again.expect_err("nobody knows any more");
    assert_eq!(refused.kind(), BackendErrorKind::Unknown);
    assert_eq!(scene.balances().await, (40, 40, 60));
}
