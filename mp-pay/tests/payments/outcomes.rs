//! Outcomes that are late, lost, or told by somebody else.

use super::*;

#[tokio::test]
async fn an_unknown_outcome_becomes_known_or_is_put_before_a_person() {
    for can in CLASSES {
        for (token, acted) in [("pm_timeout_before", false), ("pm_timeout_after", true)] {
            let world = World::new(can);
            let unsure = world.pay(token, false).await;
            assert_eq!(unsure.status, IntentStatus::Processing);
            world.let_time_pass(3).await;
            let after = world.intent(unsure.id).await;
            if resolvable(can) {
                assert_eq!(after.status, IntentStatus::Succeeded, "{can:?} {token}");
                assert_eq!(
                    (world.moved().await, world.unresolved().await),
                    (vec![100], 0)
                );
            } else {
                assert_eq!(after.status, IntentStatus::Processing);
                assert_eq!(world.unresolved().await, 1);
                assert_eq!(world.moved().await.len(), usize::from(acted));
            }
        }
    }
}

#[tokio::test]
async fn a_person_resolves_what_nobody_else_can() {
    let world = World::new(CLASSES[2]);
    let unsure = world.pay("pm_timeout_after", false).await;
    world.let_time_pass(1).await;
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let [waiting] = &listed.expect("lists")[..] else {
        panic!("one operation waits");
    };
    assert_eq!((waiting.amount, waiting.stage), (eur(100), Stage::Unknown));
    let notice = Notice {
        operation: waiting.operation,
        outcome: settled(),
    };
    let refused = world
        .payments
        .resolve(&mei(), notice.clone(), &idem("a"))
        .await;
    assert_eq!(kind(refused), ErrorKind::Forbidden);
    let open = Notice {
        outcome: Outcome::accepted(),
        ..notice.clone()
    };
    assert_eq!(
        kind(world.payments.resolve(&staff(), open, &idem("b")).await),
        ErrorKind::Invalid
    );
    let known = world
        .payments
        .resolve(&staff(), notice.clone(), &idem("c"))
        .await;
    assert_eq!(known.expect("resolves").status, IntentStatus::Succeeded);
    assert_eq!(world.unresolved().await, 0);
    let twice = world.payments.resolve(&staff(), notice, &idem("d")).await;
    assert!(matches!(twice, Err(PayError::NotUnresolved(_))));
    assert_eq!(world.intent(unsure.id).await.amount_received, eur(100));
}

#[tokio::test]
async fn a_key_is_not_replayed_after_its_window() {
    let window = Duration::from_secs(300);
    let world = World::new(Capabilities::neither().with_replay(window));
    world.pay("pm_timeout_after", false).await;
    world.clock.advance(window);
    world.let_time_pass(3).await;
    assert_eq!(world.moved().await, [100], "a replay would charge again");
    assert_eq!(world.unresolved().await, 1);
}

#[tokio::test]
async fn a_slow_charge_is_asked_about_until_it_is_known() {
    let world = World::new(CLASSES[1]);
    let slow = world.pay("pm_slow", false).await;
    assert_eq!(slow.status, IntentStatus::Processing);
    world.let_time_pass(3).await;
    assert_eq!(world.intent(slow.id).await.status, IntentStatus::Succeeded);
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn a_payer_who_acts_is_charged_and_one_who_does_not_is_not() {
    for (acts_after, status) in [
        (Duration::from_secs(30), IntentStatus::Succeeded),
        (ACTION_LIFE * 2, IntentStatus::RequiresPaymentMethod),
    ] {
        let world = World::new(CLASSES[1]);
        world.sandbox.script(Behaviour::NeedsAction(acts_after));
        let waiting = world.pay("pm_ok", false).await;
        assert_eq!(waiting.status, IntentStatus::RequiresAction);
        assert!(waiting.next_action.is_some());
        world.let_time_pass(3).await;
        world.clock.advance(ACTION_LIFE);
        world.let_time_pass(5).await;
        assert_eq!(world.intent(waiting.id).await.status, status);
        // The charge that was given up does not come later either.
        world.clock.advance(ACTION_LIFE * 3);
        world.let_time_pass(5).await;
        let expected: &[i64] = if status == IntentStatus::Succeeded {
            &[100]
        } else {
            &[]
        };
        assert_eq!(world.moved().await, expected);
    }
}

#[tokio::test]
async fn a_late_success_of_an_attempt_that_was_given_up_is_given_back() {
    let world = World::new(CLASSES[1]);
    let waiting = world.pay("pm_action", false).await;
    world.sandbox.script(Behaviour::Decline(
        DeclineCode::new("too_late").expect("a code"),
    ));
    let cancel = CancelIntent::of(waiting.id);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    world.let_time_pass(5).await;
    assert_eq!(world.moved().await, [100, -100]);
    let after = world.intent(waiting.id).await;
    assert_eq!(after.status, IntentStatus::Canceled);
    assert!(after.amount_received.is_zero());
    assert_eq!(world.unresolved().await, 0);
}

#[tokio::test]
async fn what_was_given_back_in_part_is_given_back_to_the_last() {
    let world = World::new(CLASSES[1]);
    let waiting = world.pay("pm_action", false).await;
    let code = DeclineCode::new("too_late").expect("a code");
    for behaviour in [Behaviour::Decline(code), Behaviour::Misstate(eur(90))] {
        world.sandbox.script(behaviour);
    }
    let cancel = CancelIntent::of(waiting.id);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    world.let_time_pass(5).await;
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let operation = listed.expect("lists")[0].operation;
    assert_eq!(operation.step, Step::Return(1, 1));
    let outcome = settled().with_amount(eur(90));
    let found = Notice { operation, outcome };
    let resolved = world.payments.resolve(&staff(), found, &idem("r")).await;
    resolved.expect("resolves");
    let attempts = world.payments.attempts(&staff(), waiting.id).await;
    let returns = &attempts.expect("reads")[0].returns;
    let asked: Vec<_> = returns.values().map(|part| part.amount).collect();
    assert_eq!(asked, [Some(eur(100)), Some(eur(10))]);
}

#[tokio::test]
async fn what_could_not_be_given_back_is_put_before_a_person() {
    let world = World::new(CLASSES[1]);
    let declined = world.pay("pm_declined", false).await;
    let cancel = CancelIntent::of(declined.id);
    let canceled = world.payments.cancel(&staff(), cancel, &idem("x")).await;
    assert_eq!(canceled.expect("cancels").status, IntentStatus::Canceled);
    let step = Step::Charge(1);
    let operation = OperationKey {
        intent: declined.id,
        step,
    };
    // The provider has no such charge, so it will decline to refund it.
    let outcome = settled();
    let notice = Notice { operation, outcome };
    world
        .payments
        .observe(&staff(), notice)
        .await
        .expect("takes");
    world.let_time_pass(2).await;
    let listed = world.payments.unresolved(&staff(), None, 10).await;
    let listed = listed.expect("lists");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].operation.step, Step::Return(1, 1));
}

#[tokio::test]
async fn an_observation_of_something_known_is_journaled_and_changes_nothing() {
    let world = World::new(CLASSES[0]);
    let paid = world.pay("pm_ok", false).await;
    let before = world
        .payments
        .journal(&staff(), paid.id)
        .await
        .expect("reads");
    let operation = OperationKey {
        intent: paid.id,
        step: Step::Charge(1),
    };
    for outcome in [
        settled(),
        Outcome::Declined {
            code: DeclineCode::new("late").expect("a code"),
        },
        Outcome::accepted(),
        Outcome::Unknown,
    ] {
        let notice = Notice { operation, outcome };
        let after = world
            .payments
            .observe(&staff(), notice)
            .await
            .expect("takes");
        assert_eq!(after.status, paid.status);
        assert_eq!(after.amount_received, paid.amount_received);
    }
    let after = world
        .payments
        .journal(&staff(), paid.id)
        .await
        .expect("reads");
    // What only repeats that something is open is no observation of anything.
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(world.moved().await, [100]);
}

#[tokio::test]
async fn a_backend_out_of_reach_delays_and_doubles_nothing() {
    for can in CLASSES {
        let world = World::new(can);
        world.sandbox.script(Behaviour::Unavailable);
        world.sandbox.script(Behaviour::Unavailable);
        let waiting = world.pay("pm_ok", false).await;
        assert_eq!(waiting.status, IntentStatus::Processing);
        world.let_time_pass(4).await;
        assert_eq!(
            world.intent(waiting.id).await.status,
            IntentStatus::Succeeded
        );
        assert_eq!(world.moved().await, [100]);
    }
}

#[tokio::test]
async fn of_several_who_would_call_the_backend_at_once_one_does() {
    for round in 0..20 {
        let one = World::new(CLASSES[2]);
        let intent = one.create("pm_ok", false, "create").await;
        let worlds = [one.another(), one.another(), one.another(), one.another()];
        let confirms = worlds.map(|world| async move {
            let request = ConfirmIntent::of(intent.id);
            let confirmed = world.payments.confirm(&mei(), request, &idem("k")).await;
            confirmed.expect("confirms")
        });
        let [a, b, c, d] = confirms;
        tokio::join!(a, b, c, d);
        assert_eq!(one.moved().await, [100], "round {round}");
        assert_eq!(one.intent(intent.id).await.status, IntentStatus::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_counts_as_unknown() {
    for can in CLASSES {
        let outside = Outside::new(can);
        let hangs = Strike {
            call: 1,
            fault: Fault::HangsAfter,
            ..UNHARMED
        };
        let process = outside.start(hangs);
        let unsure = process.world.pay("pm_ok", false).await;
        assert_eq!(unsure.status, IntentStatus::Processing);
        process.recover().await;
        assert_eq!(process.world.moved().await, [100], "{can:?}");
        let listed = usize::from(!resolvable(can));
        assert_eq!(process.world.unresolved().await, listed, "{can:?}");
    }
}
