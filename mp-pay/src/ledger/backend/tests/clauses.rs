use mp_core::amount::{Currency, Money};

use super::scene::{Scene, app, charged, declined, eur, expect_amount, key, refund};
use crate::{
    backend::{
        BackendErrorKind, CaptureRequest, IncreaseRequest, Lookup, LookupRequest, Outcome,
        PaymentBackend,
    },
    ledger::NewTransfer,
    operation::Step,
};

pub(super) async fn one_call_acts_at_most_once(scene: Scene) {
    // The same call by two processes, and by several tasks of each.
    let other = scene.another(scene.store.clone());
    let request = scene.request(30, true);
    let calls = [&scene.backend, &other, &scene.backend, &other].map(|it| it.charge(&request));
    let [one, two, three, four] = calls;
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    for outcome in [one, two, three, four] {
        let outcome = outcome.expect("is answered");
        assert!(
            outcome.is_known() || outcome == Outcome::accepted(),
            "{outcome:?}"
        );
    }
    expect_amount(&scene.charge(30).await, 30);
    assert_eq!(scene.balances().await, (70, 70, 30));
    scene.audit().await;
}

pub(super) async fn a_key_is_replayed_and_answered_the_same(scene: Scene) {
    let held = scene.hold(80).await;
    for _ in 0..2 {
        assert_eq!(scene.hold(80).await, held);
        assert_eq!(scene.balances().await, (100, 20, 0));
    }
    let captured = scene.capture(1, 60).await;
    for _ in 0..2 {
        assert_eq!(scene.capture(1, 60).await, captured);
        assert_eq!(scene.balances().await, (40, 40, 60));
    }
    let refunded = scene.refund(1, 20).await;
    let refused = scene.refund(2, 41).await;
    let void = scene.void().await;
    for _ in 0..2 {
        assert_eq!(scene.refund(1, 20).await, refunded);
        assert_eq!(scene.refund(2, 41).await, refused);
        assert_eq!(scene.void().await, void);
        assert_eq!(scene.balances().await, (60, 60, 40));
    }
    assert_eq!(refused, declined("amount_too_large"));
    assert_eq!(void, declined("charge_already_captured"));
    let replays = scene.backend.capabilities().replays_keys;
    scene.pass(replays.expect("are declared"));
    assert_eq!(scene.refund(1, 20).await, refunded);
    scene.audit().await;
}

pub(super) async fn what_acted_is_found_and_what_has_not_come_is_not(scene: Scene) {
    let steps = [
        Step::Charge(1),
        Step::Capture(1, 1),
        refund(1),
        Step::Void(1, 1),
        Step::Return(1, 1),
    ];
    for step in steps {
        assert_eq!(scene.look(step).await, Lookup::NotFound, "{step:?}");
    }
    // It was told not to come, and is asked for again.
    let held = scene.hold(80).await;
    assert_eq!(scene.look(Step::Charge(1)).await, Lookup::Found(held));
    let captured = scene.capture(1, 60).await;
    assert_eq!(
        scene.look(Step::Capture(1, 1)).await,
        Lookup::Found(captured)
    );
    let refunded = scene.refund(1, 20).await;
    assert_eq!(scene.look(refund(1)).await, Lookup::Found(refunded));
    let declined = scene.void().await;
    assert_eq!(scene.look(Step::Void(1, 1)).await, Lookup::Found(declined));
    assert_eq!(scene.balances().await, (60, 60, 40));
}

pub(super) async fn what_is_known_never_changes(scene: Scene) {
    let refused = scene.charge(101).await;
    assert_eq!(refused, declined("insufficient_funds"));
    let cash = super::scene::account("mei/cash");
    let wallet = super::scene::account("mei/wallet");
    scene
        .moves("more", NewTransfer::of(cash, wallet, eur(900)))
        .await;
    assert_eq!(scene.charge(101).await, refused, "there is enough now");
    assert_eq!(scene.look(Step::Charge(1)).await, Lookup::Found(refused));
    assert_eq!(scene.balances().await, (1_000, 1_000, 0));
}

pub(super) async fn an_amount_is_what_has_moved(scene: Scene) {
    let held = scene.hold(80).await;
    expect_amount(&held, 80);
    expect_amount(&scene.capture(1, 60).await, 60);
    // What was held is not what was taken.
    assert_eq!(scene.look(Step::Charge(1)).await, Lookup::Found(held));
    expect_amount(&scene.refund(1, 20).await, 20);
    assert_eq!(scene.balances().await, (60, 60, 40));
    // The ledger counts every currency by its ISO 4217 exponent.
    let units = scene.backend.capabilities().minor_units;
    for currency in [Currency::EUR, Currency::JPY] {
        assert_eq!(units.to_wire(Money::new(12_34, currency)).ok(), Some(12_34));
    }
}

pub(super) async fn what_is_not_declared_is_unsupported(scene: Scene) {
    let can = scene.backend.capabilities();
    assert_eq!((can.captures_max, can.increases_max), (1, 0));
    scene.hold(80).await;
    let part = CaptureRequest {
        key: key(Step::Capture(1, 1)),
        charge: charged(),
        amount: eur(10),
        last: false,
    };
    let refused = scene.backend.capture(&part).await.expect_err("is not done");
    assert_eq!(refused.kind(), BackendErrorKind::Unsupported);
    let raise = IncreaseRequest {
        key: key(Step::Increase(1, 1)),
        charge: charged(),
        total: eur(90),
    };
    let refused = scene
        .backend
        .increase(&raise)
        .await
        .expect_err("is not done");
    assert_eq!(refused.kind(), BackendErrorKind::Unsupported);
    assert_eq!(scene.balances().await, (100, 20, 0));
}

pub(super) async fn each_outcome_is_told_under_its_own_key(scene: Scene) {
    let charge = scene.hold(80).await;
    scene.capture(1, 60).await;
    let again = scene.capture(2, 60).await;
    assert_eq!(again, declined("charge_already_captured"));
    expect_amount(&scene.refund(1, 20).await, 20);
    expect_amount(&scene.refund(2, 30).await, 30);
    let found = [
        (Step::Charge(1), charge),
        (Step::Capture(1, 1), scene.capture(1, 60).await),
        (Step::Capture(1, 2), again),
        (refund(1), scene.refund(1, 20).await),
        (refund(2), scene.refund(2, 30).await),
    ];
    for (step, outcome) in found {
        let looked = scene
            .backend
            .lookup(&LookupRequest::of(app(), key(step)))
            .await;
        assert_eq!(looked.expect("looks"), Lookup::Found(outcome), "{step:?}");
    }
}
