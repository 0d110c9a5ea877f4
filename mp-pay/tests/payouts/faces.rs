//! Who may ask for a payout and who may know of it, by type and by JSON, and for how long.

use super::{support::clock, *};

#[tokio::test]
async fn amounts_are_bounded() {
    let bank = Bank::new(CLASSES[0]);
    let options = PayoutsOptions::default().with_bounds(Currency::EUR, 100..=1_000);
    let bounded = bank.payouts.clone().with_options(options);
    let pay = |key: &str, amount| {
        let (payouts, mut asked) = (bounded.clone(), request(key));
        asked.amount = amount;
        async move { payouts.pay_out(&asked).await }
    };
    assert_eq!(pay("least", eur(100)).await.expect("pays"), PaidOut::Paid);
    assert_eq!(pay("most", eur(1_000)).await.expect("pays"), PaidOut::Paid);
    for (key, amount, code) in [
        ("a", eur(99), "amount_out_of_bounds"),
        ("b", eur(1_001), "amount_out_of_bounds"),
        ("c", Money::new(500, Currency::USD), "amount_out_of_bounds"),
        ("d", eur(0), "invalid_field"),
        ("e", eur(-5), "invalid_field"),
        ("f", eur(i64::MAX), "invalid_field"),
    ] {
        let error = pay(key, amount).await.expect_err("is refused");
        assert_eq!(
            (error.code(), error.field()),
            (code, Some("amount")),
            "{amount}"
        );
    }
    assert_eq!(bank.moved().await, [100, 1_000]);
}

#[tokio::test]
async fn only_staff_pays_out_and_only_the_receiver_sees_it() {
    let bank = Bank::new(CLASSES[0]);
    let error = bank
        .payouts
        .create(&mei(), create("reward"), &idem("k"))
        .await;
    assert_eq!(
        Error::from(error.expect_err("is refused")).kind(),
        ErrorKind::Forbidden
    );
    bank.payouts
        .create(&staff(), create("reward"), &idem("k"))
        .await
        .expect("pays");
    let seen = bank
        .payouts
        .payout(&mei(), id("reward"))
        .await
        .expect("reads");
    assert_eq!((seen.status, seen.amount), (PayoutStatus::Paid, eur(500)));
    let bo = Caller::user(app(), "bo".parse().expect("a user"));
    let elsewhere = Caller::app("mall".parse().expect("an app")).with_scope(Scope::STAFF);
    for caller in [bo.clone(), elsewhere] {
        let error = bank
            .payouts
            .payout(&caller, id("reward"))
            .await
            .expect_err("is refused");
        assert_eq!(Error::from(error).kind(), ErrorKind::NotFound);
    }
    for caller in [mei(), bo] {
        let journal = bank.payouts.journal(&caller, id("reward")).await;
        assert_eq!(
            Error::from(journal.expect_err("is refused")).kind(),
            ErrorKind::Forbidden
        );
        let cancel = CancelPayout {
            payout: id("reward"),
        };
        let canceled = bank.payouts.cancel(&caller, cancel, &idem("c")).await;
        assert_eq!(
            Error::from(canceled.expect_err("is refused")).kind(),
            ErrorKind::Forbidden
        );
        let listed = bank.payouts.unresolved(&caller, None, 10).await;
        assert_eq!(
            Error::from(listed.expect_err("is refused")).kind(),
            ErrorKind::Forbidden
        );
    }
    let journal = bank
        .payouts
        .journal(&staff(), id("reward"))
        .await
        .expect("reads");
    assert!(
        matches!(journal[0].event, PayoutEvent::Created(_)),
        "{journal:?}"
    );
    assert_eq!(journal.len(), 3, "created, sent, observed");
}

#[tokio::test]
async fn a_payout_lives_its_life_in_json() {
    let bank = Bank::new(CLASSES[0]);
    let host = Host::new(&bank.engine)
        .with(bank.payouts.operations())
        .expect("registers");
    let money = [
        "pay.create_payout",
        "pay.cancel_payout",
        "pay.resolve_payout",
    ];
    for operation in bank.payouts.operations() {
        let is_money = operation.effect() == Effect::Money;
        assert_eq!(
            is_money,
            money.contains(&operation.name()),
            "{}",
            operation.name()
        );
        if is_money {
            assert_eq!(operation.scope(), &Scope::STAFF);
        }
    }
    let create = json!({
        "key": "shift-17",
        "receiver": {"type": "destination", "destination": "acct_courier"},
        "amount": {"amount": 2_400, "currency": "EUR"},
        "reason": "Friday's shift",
        "idempotency_key": "k",
    });
    let paid = host
        .call(&staff(), "pay.create_payout", create.clone())
        .await
        .expect("pays");
    assert_eq!(paid["status"], "paid");
    let again = host
        .call(&staff(), "pay.create_payout", create)
        .await
        .expect("answers");
    assert_eq!(again["id"], paid["id"]);
    let reader = staff()
        .with_scope(Scope::of("pay:read"))
        .with_scope(Scope::of("pay:manage"));
    let read = host
        .call(&reader, "pay.payout", json!({"payout": paid["id"]}))
        .await;
    assert_eq!(read.expect("reads")["amount"]["amount"], 2_400);
    let cancel = json!({"payout": paid["id"], "idempotency_key": "c"});
    let refused = host
        .call(&staff(), "pay.cancel_payout", cancel)
        .await
        .expect_err("is refused");
    assert_eq!(refused.code(), "payout_unexpected_state");
    let listed = host
        .call(&reader, "pay.unresolved_payouts", json!({}))
        .await;
    assert_eq!(listed.expect("lists"), json!([]));
    assert_eq!(bank.moved().await, [2_400]);
}

#[tokio::test]
async fn a_payout_that_may_come_back_stays_in_the_store() {
    let store = Arc::new(MemoryStore::new());
    let bank = Bank::new(CLASSES[1]);
    let keeper = engine(store.clone(), &bank.clock);
    let payouts = Payouts::new(
        &keeper,
        Arc::new(bank.sandbox.clone()),
        Arc::new(FixedDestinations::default().with(
            MEI.parse().expect("a user"),
            "acct_mei".parse().expect("a destination"),
        )),
    );
    payouts.pay_out(&request("reward")).await.expect("pays");
    payouts
        .pay_out(&to("closed", "po_declined"))
        .await
        .expect("answers");
    payouts
        .pay_out(&to("slow", "po_slow"))
        .await
        .expect("answers");
    let folder = tempfile::tempdir().expect("a folder");
    let sweep = || {
        let archive = Arc::new(FileArchive::in_folder(folder.path()));
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        let rule = Arc::new(ClosedPayouts::returnable_for(month));
        let retention = Retention::new(&keeper, store.clone(), archive);
        async move {
            retention
                .with(rule, Duration::ZERO)
                .sweep_all()
                .await
                .expect("sweeps")
        }
    };
    bank.clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
    let swept = sweep().await;
    assert_eq!((swept.retired, swept.live), (0, 3));
    bank.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let swept = sweep().await;
    assert_eq!(
        (swept.retired, swept.live),
        (2, 1),
        "what is still under way stays"
    );
    let order = payouts.payout(&staff(), id("slow")).await.expect("reads");
    assert_eq!(order.operation.stage, Stage::Pending);
}

/// Due work that lay dead asks once more, and has to be answered.
#[tokio::test]
async fn what_a_capability_has_asked_to_pay_out_stays_whatever_became_of_it() {
    let (clock, store) = (clock(), Arc::new(MemoryStore::new()));
    let sandbox = payout::provider(&clock, CLASSES[1]);
    let bank = Bank::on(&engine(store.clone(), &clock), &sandbox, &clock);
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let folder = tempfile::tempdir().expect("a folder");
    let sweep = || {
        let archive = Arc::new(FileArchive::in_folder(folder.path()));
        let rule = Arc::new(ClosedPayouts::returnable_for(month));
        let retention = Retention::new(&bank.engine, store.clone(), archive);
        async move {
            let swept = retention.with(rule, Duration::ZERO).sweep_all().await;
            swept.expect("sweeps")
        }
    };
    let closed = to("closed", "po_declined");
    let back = to("back", "po_returned");
    let canceled = to("canceled", "acct_bo");
    sandbox.script(Behaviour::Unavailable);
    for asked in [&canceled, &closed, &back] {
        bank.payouts.pay_out(asked).await.expect("answers");
    }
    let payout = id("canceled");
    let cancel = CancelPayout { payout };
    let canceled_now = bank.payouts.cancel(&staff(), cancel, &idem("c")).await;
    canceled_now.expect("cancels");
    let outcome = Outcome::declined(DeclineCode::new("returned").expect("a code"));
    let payout = id("back");
    let notice = PayoutNotice { payout, outcome };
    let returned = bank.payouts.observe(&staff(), notice).await;
    assert_eq!(returned.expect("observes").status, PayoutStatus::Returned);
    bank.clock.advance(month - Duration::from_secs(1));
    let swept = sweep().await;
    assert_eq!((swept.retired, swept.live), (0, 3));
    for (asked, code) in [
        (&closed, "account_closed"),
        (&back, "returned"),
        (&canceled, "canceled"),
    ] {
        let told = bank.payouts.pay_out(asked).await;
        assert_eq!(told.expect("answers"), declined(code));
    }
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(sweep().await.retired, 3);
}

#[tokio::test]
async fn a_payout_that_a_person_has_found_declined_stays_while_its_bank_may_tell_otherwise() {
    let (clock, store) = (clock(), Arc::new(MemoryStore::new()));
    let sandbox = payout::provider(&clock, CLASSES[2]);
    let bank = Bank::on(&engine(store.clone(), &clock), &sandbox, &clock);
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let folder = tempfile::tempdir().expect("a folder");
    let sweep = || {
        let archive = Arc::new(FileArchive::in_folder(folder.path()));
        let rule = Arc::new(ClosedPayouts::returnable_for(month));
        let retention = Retention::new(&bank.engine, store.clone(), archive);
        async move {
            let swept = retention.with(rule, Duration::ZERO).sweep_all().await;
            swept.expect("sweeps")
        }
    };
    for (name, told) in [("lost", true), ("never", false)] {
        let asked = to(name, "po_timeout_after");
        bank.payouts.pay_out(&asked).await.expect("answers");
        bank.let_time_pass(3).await;
        let code = DeclineCode::new("never_came").expect("a code");
        let never = ResolvePayout::declined(id(name), code);
        let resolved = bank.payouts.resolve(&staff(), never, &idem(name)).await;
        assert_eq!(resolved.expect("resolves").status, PayoutStatus::Declined);
        bank.clock.advance(month - Duration::from_secs(1));
        assert_eq!(sweep().await.retired, 0);
        if told {
            let reference = Reference::new("bank-17").expect("a reference");
            let outcome = Outcome::settled(reference);
            let payout = id(name);
            let notice = PayoutNotice { payout, outcome };
            let told = bank.payouts.observe(&staff(), notice).await;
            told.expect("observes");
            bank.let_time_pass(1).await;
            let waiting = bank.payouts.unresolved(&staff(), None, 10).await;
            assert_eq!(waiting.expect("lists")[0].id, payout);
        }
    }
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(sweep().await.retired, 1, "what nobody tells otherwise of");
}
