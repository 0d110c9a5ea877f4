//! What the right over other people's payments does not include.

use mp_core::Scope;
use mp_pay::payments::PAY_MANAGE;

use super::*;

/// Somebody who captures, cancels and refunds, and is no staff.
fn manager() -> Caller {
    Caller::user(app(), "bo".parse().expect("a user")).with_scope(PAY_MANAGE)
}

#[tokio::test]
async fn only_staff_have_somebody_else_charged() {
    let world = World::new(CLASSES[0]);
    let payer = mei().user_id().cloned().expect("a user");
    let create = async |caller: &Caller, key| {
        let request = CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
        let request = request.with_payer(payer.clone());
        world
            .payments
            .create_intent(caller, request, &idem(key))
            .await
    };
    let confirm = async |caller: &Caller, id, key| {
        let request = ConfirmIntent::of(id);
        world.payments.confirm(caller, request, &idem(key)).await
    };
    let back_office = Caller::app(app()).with_scope(PAY_MANAGE);
    let staff = staff();
    let created = create(&staff, "staff").await.expect("creates");
    for caller in [manager(), back_office] {
        assert_eq!(kind(create(&caller, "k").await), ErrorKind::Forbidden);
        let refused = confirm(&caller, created.id, "k").await;
        assert_eq!(kind(refused), ErrorKind::Forbidden);
    }
    assert!(world.moved().await.is_empty());
    let confirmed = confirm(&staff, created.id, "k").await.expect("confirms");
    assert_eq!(confirmed.status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn who_manages_payments_is_not_shown_what_they_are_paid_with() {
    let world = World::new(CLASSES[0]);
    let held = world.pay("pm_ok", true).await;
    assert!(held.payment_method.is_some());
    let (seen, capture) = (&world.payments, CaptureIntent::of(held.id));
    let read = seen.intent(&manager(), held.id).await.expect("reads");
    let captured = seen.capture(&manager(), capture, &idem("c")).await;
    for shown in [read, captured.expect("captures")] {
        assert_eq!(shown.payment_method, None);
    }
    let staff = world.intent(held.id).await;
    assert_eq!(staff.payment_method, held.payment_method);
}

#[tokio::test]
async fn a_repeated_confirmation_is_answered_to_nobody_who_could_not_make_it() {
    let world = World::new(CLASSES[0]);
    let intent = world.create("pm_ok", false, "create").await;
    let confirm = |caller: Caller| {
        let (payments, request) = (world.payments.clone(), ConfirmIntent::of(intent.id));
        async move { payments.confirm(&caller, request, &idem("k")).await }
    };
    confirm(staff()).await.expect("confirms");
    let app = || Caller::app(app());
    let refused = confirm(app()).await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
    let refused = confirm(app().with_scope(PAY_MANAGE)).await;
    assert_eq!(kind(refused), ErrorKind::Forbidden);
    confirm(app().with_scope(Scope::STAFF))
        .await
        .expect("is answered");
}
