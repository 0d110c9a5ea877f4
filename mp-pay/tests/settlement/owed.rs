//! What is to be given back, and is not yet.

use mp_pay::{payments::RefundIntent, refund::REFUNDS_MAX};

use super::*;

/// Returns the operation that gives back the first part of what was taken.
async fn first_refund(world: &World, request: &SecureRequest) -> OperationKey {
    let intent = PaymentsSettlement::intent_of(&app(), &request.key);
    let refunds = world.payments.refunds(&staff(), intent).await;
    let step = Step::Refund(refunds.expect("reads")[0].id);
    OperationKey { intent, step }
}

#[tokio::test]
async fn a_release_that_the_backend_declines_can_be_asked_for_again() {
    let world = World::new(Capabilities::neither().without_separate_capture());
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    let code = DeclineCode::new("insufficient_funds").expect("a code");
    world.sandbox.script(Behaviour::Decline(code));
    port.release(&app(), &request.key).await.expect("is noted");
    let status = port.status(&app(), &request.key).await.expect("tells");
    assert_ne!(
        status,
        SettlementStatus::Released,
        "the payer still has to get their money"
    );
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 1, "it is put before a person");
    port.release(&app(), &request.key).await.expect("releases");
    let status = port.status(&app(), &request.key).await.expect("tells");
    assert_eq!(status, SettlementStatus::Released);
    assert_eq!(world.moved().await, [100, -100]);
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 0, "nothing is owed any more");
}

#[tokio::test]
async fn what_was_said_to_be_on_its_way_and_is_declined_is_put_before_a_person() {
    let can = CLASSES[0].with_webhooks(WebhookTrust::Signed);
    let world = World::new(can.without_separate_capture());
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    port.settle(&app(), &request.key).await.expect("settles");
    let intent = PaymentsSettlement::intent_of(&app(), &request.key);
    let decline = async |status| {
        let refunds = world.payments.refunds(&staff(), intent).await;
        let open = |it: &&Refund| it.status() == status;
        let refund = refunds.expect("reads").iter().find(open).expect("one").id;
        let step = Step::Refund(refund);
        let outcome = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
        let operation = OperationKey { intent, step };
        let told = Notice { operation, outcome };
        world.payments.observe(&staff(), told).await.expect("hears");
    };
    let part = |name: &str| {
        let (port, key, part) = (port.clone(), request.key.clone(), key(name));
        async move { port.give_back(&app(), &key, &part, eur(30)).await }
    };
    part("a").await.expect("is given back");
    decline(RefundStatus::Succeeded).await;
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 1, "a part that came back");

    let code = DeclineCode::new("insufficient_funds").expect("a code");
    world.sandbox.script(Behaviour::Decline(code));
    let refused = part("b").await.expect_err("is declined");
    assert_eq!(refused.code(), "refund_declined");
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 1, "whoever asked was told");

    world.sandbox.script(Behaviour::TimeoutBefore);
    let unknown = part("c").await.expect_err("nobody knows");
    assert_eq!(unknown.kind(), ErrorKind::Unknown);
    part("c").await.expect("is found out, and given back");
    assert_eq!(world.moved().await.len(), 3);
}

#[tokio::test]
async fn a_part_that_is_left_to_a_person_is_not_refused_to_whoever_asks_for_it_again() {
    let can = CLASSES[0].with_webhooks(WebhookTrust::Signed);
    let world = World::new(can.without_separate_capture());
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    port.settle(&app(), &request.key).await.expect("settles");
    let part = async || {
        let (key, part) = (&request.key, key("a"));
        port.give_back(&app(), key, &part, eur(30)).await
    };
    world.sandbox.script(Behaviour::TimeoutBefore);
    let unknown = part().await.expect_err("nobody knows");
    assert_eq!(unknown.kind(), ErrorKind::Unknown);

    let operation = first_refund(&world, &request).await;
    let named = Outcome::accepted().with_reference(Reference::new("re_1").expect("a name"));
    let declined = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
    for outcome in [named, declined.clone()] {
        let told = Notice { operation, outcome };
        world.payments.observe(&staff(), told).await.expect("hears");
    }
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 1, "a person sees to it");
    part()
        .await
        .expect("another part would be given back beside it");
    assert_eq!(world.moved().await, [100]);

    let outcome = declined;
    let found = Notice { operation, outcome };
    let resolved = world.payments.resolve(&staff(), found, &idem("r")).await;
    resolved.expect("resolves");
    let refused = part().await.expect_err("a person has found so");
    assert_eq!(refused.code(), "refund_declined");
}

#[tokio::test]
async fn a_part_that_a_person_finds_never_went_is_theirs_until_they_let_go_of_it() {
    let can = CLASSES[2].with_webhooks(WebhookTrust::Signed);
    let world = World::new(can.without_separate_capture());
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    port.settle(&app(), &request.key).await.expect("settles");
    let part = async || {
        let (key, part) = (&request.key, key("a"));
        port.give_back(&app(), key, &part, eur(30)).await
    };
    world.sandbox.script(Behaviour::TimeoutBefore);
    part().await.expect_err("nobody knows");
    let operation = first_refund(&world, &request).await;
    let outcome = Outcome::accepted().with_reference(Reference::new("re_1").expect("a name"));
    let named = Notice { operation, outcome };
    world
        .payments
        .observe(&staff(), named)
        .await
        .expect("hears");
    world.let_time_pass(1).await;

    let never = async |key: &str| {
        let outcome = Outcome::declined(DeclineCode::new("never_went").expect("a code"));
        let found = Notice { operation, outcome };
        let resolved = world.payments.resolve(&staff(), found, &idem(key)).await;
        resolved.expect("resolves");
        world.let_time_pass(1).await;
    };
    for repeated in ["first", "first"] {
        never(repeated).await;
        part().await.expect("it is owed");
        assert_eq!(world.unresolved().await, 1, "a person gives it back");
    }
    never("second").await;
    let refused = part().await.expect_err("they have let go of it");
    assert_eq!(refused.code(), "refund_declined");
    assert_eq!(world.unresolved().await, 0);
}

#[tokio::test]
async fn a_part_is_given_back_of_a_hold_that_is_over_before_anybody_has_noticed() {
    for can in CLASSES {
        let world = World::new(can.without_partial_refund());
        let port = settlement(&world, "pm_ok");
        let request = request(&world, "seat");
        port.secure(&request).await.expect("secures");
        let intent = PaymentsSettlement::intent_of(&app(), &request.key);
        let part = CaptureIntent::of(intent)
            .with_amount(eur(30))
            .with_more_to_come();
        let taken = world.payments.capture(&staff(), part, &idem("part")).await;
        let until = taken.expect("takes").hold_expires_at.expect("holds lapse");
        world.clock.advance(until.since(world.engine.now()));
        let given = port
            .give_back(&app(), &request.key, &key("a"), eur(30))
            .await;
        given.unwrap_or_else(|error| panic!("{can:?}: {error}"));
        assert_eq!(world.moved().await.iter().sum::<i64>(), 0, "{can:?}");
    }
}

#[tokio::test]
async fn what_a_person_has_found_never_to_have_come_is_declined() {
    for holds in BOTH {
        let can = CLASSES[2];
        let world = World::new(match holds {
            true => can,
            false => can.without_separate_capture(),
        });
        let port = settlement(&world, "pm_timeout_after");
        let request = request(&world, "seat");
        let secured = port.secure(&request).await.expect("answers");
        assert_eq!(secured, Secured::Unknown);
        let intent = PaymentsSettlement::intent_of(&app(), &request.key);
        let step = Step::Charge(1);
        let operation = OperationKey { intent, step };
        let name = Reference::new("ch_1").expect("a name");
        let came = match holds {
            true => Outcome::authorized(name),
            false => Outcome::settled(name),
        };
        let never = Outcome::declined(DeclineCode::new("never_came").expect("a code"));
        let resolve = async |outcome, key| {
            let found = Notice { operation, outcome };
            let resolved = world.payments.resolve(&staff(), found, &idem(key)).await;
            resolved.expect("resolves");
            port.status(&app(), &request.key).await.expect("tells")
        };
        assert_eq!(resolve(came, "a").await, SettlementStatus::Secured);
        let outcome = never.clone();
        let told = Notice { operation, outcome };
        world.payments.observe(&staff(), told).await.expect("hears");
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, 1, "a person has found otherwise");
        assert_eq!(resolve(never, "b").await, SettlementStatus::Declined);
        let settled = port.settle(&app(), &request.key).await.expect("answers");
        assert!(matches!(settled, Settled::Declined(_)), "{settled:?}");
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, 0);
        let after = world.intent(intent).await;
        assert!(after.amount_capturable.is_zero(), "{after:?}");
        assert!(after.status.is_terminal(), "{after:?}");
    }
}

#[tokio::test]
async fn a_part_is_owed_as_far_as_money_is_left() {
    let can = CLASSES[0].with_webhooks(WebhookTrust::Signed);
    let world = World::new(can.without_separate_capture());
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    port.settle(&app(), &request.key).await.expect("settles");
    let part = async |name: &str| {
        let part = key(name);
        port.give_back(&app(), &request.key, &part, eur(60)).await
    };
    world.sandbox.script(Behaviour::TimeoutBefore);
    part("a").await.expect_err("nobody knows");
    let operation = first_refund(&world, &request).await;
    let name = || Reference::new("re_1").expect("a name");
    let code = DeclineCode::new("account_closed").expect("a code");
    let named = Outcome::accepted().with_reference(name());
    for outcome in [named, Outcome::declined(code)] {
        let told = Notice { operation, outcome };
        world.payments.observe(&staff(), told).await.expect("hears");
    }
    let listed = async || {
        world.let_time_pass(1).await;
        let listed = world.payments.unresolved(&staff(), None, 10).await;
        Vec::from_iter(listed.expect("lists").iter().map(|it| it.amount))
    };
    assert_eq!(listed().await, [eur(60)]);
    part("b").await.expect("is given back");
    assert_eq!(listed().await, [eur(40)], "no more is left");

    let resolve = async |outcome, key| {
        let found = Notice { operation, outcome };
        world.payments.resolve(&staff(), found, &idem(key)).await
    };
    let settled = || Outcome::settled(name());
    for more in [settled(), settled().with_amount(eur(41))] {
        let refused = resolve(more, "more").await.expect_err("is refused");
        let left = matches!(refused, PayError::AmountTooLarge { left, .. } if left == eur(40));
        assert!(left, "{refused}");
    }
    let resolved = resolve(settled().with_amount(eur(40)), "rest").await;
    assert_eq!(resolved.expect("resolves").amount_refunded, eur(100));
    assert_eq!(listed().await, []);
}

#[tokio::test]
async fn a_part_that_came_back_is_not_owed_beside_the_rest() {
    // Of what it takes to have given back in part, the provider does not give back all.
    for (part, owed) in [(Behaviour::TimeoutBefore, 0), (Behaviour::Succeed, 1)] {
        let can = CLASSES[0].with_webhooks(WebhookTrust::Signed);
        let world = World::new(can.without_separate_capture());
        let port = settlement(&world, "pm_ok");
        let request = request(&world, "seat");
        port.secure(&request).await.expect("secures");
        port.settle(&app(), &request.key).await.expect("settles");
        world.sandbox.script(part);
        let (one, asked) = (key("a"), &request.key);
        let given = port.give_back(&app(), asked, &one, eur(30)).await;
        assert_eq!(given.is_ok(), owed == 1);
        let intent = PaymentsSettlement::intent_of(&app(), &request.key);
        let refunds = world.payments.refunds(&staff(), intent).await;
        let step = Step::Refund(refunds.expect("reads")[0].id);
        let operation = OperationKey { intent, step };
        let named = Outcome::accepted().with_reference(Reference::new("re_1").expect("a name"));
        let declined = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
        for outcome in [named, declined] {
            let told = Notice { operation, outcome };
            world.payments.observe(&staff(), told).await.expect("hears");
        }
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, 1, "the part");
        port.release(&app(), &request.key).await.expect("releases");
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, owed, "the rest, if anything");
    }
}

#[tokio::test]
async fn what_is_declined_as_often_as_it_may_be_asked_for_is_left_to_a_person() {
    let world = World::new(CLASSES[0].without_separate_capture());
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.secure(&request).await.expect("secures");
    let release = async || {
        let code = DeclineCode::new("insufficient_funds").expect("a code");
        world.sandbox.script(Behaviour::Decline(code));
        port.release(&app(), &request.key).await.expect("is noted");
    };
    for _ in 0..REFUNDS_MAX + 3 {
        release().await;
        world.clock.advance(Duration::from_secs(1));
    }
    let intent = PaymentsSettlement::intent_of(&app(), &request.key);
    let refunds = world.payments.refunds(&staff(), intent).await;
    assert_eq!(refunds.expect("reads").len(), REFUNDS_MAX as usize);
    world.let_time_pass(1).await;
    assert_eq!(world.unresolved().await, 1, "the last one");
}

#[tokio::test]
async fn what_was_refunded_as_often_as_may_be_is_let_go_of_once_more_or_left_to_a_person() {
    for refuses in BOTH {
        let world = World::new(CLASSES[0].without_separate_capture());
        let port = settlement(&world, "pm_ok");
        let request = request(&world, "seat");
        port.secure(&request).await.expect("secures");
        let intent = PaymentsSettlement::intent_of(&app(), &request.key);
        for number in 0..REFUNDS_MAX {
            let (cent, key) = (
                RefundIntent::of(intent).with_amount(eur(1)),
                number.to_string(),
            );
            let refunded = world.payments.refund(&staff(), cent, &idem(&key)).await;
            refunded.expect("refunds");
        }
        let code = DeclineCode::new("insufficient_funds").expect("a code");
        if refuses {
            world.sandbox.script(Behaviour::Decline(code));
        }
        for _ in 0..2 {
            port.release(&app(), &request.key).await.expect("is noted");
        }
        world.let_time_pass(1).await;
        assert_eq!(world.unresolved().await, usize::from(refuses));
        let back = world.intent(intent).await.amount_refunded;
        assert_eq!(back, eur(if refuses { 99 } else { 100 }));
    }
}
