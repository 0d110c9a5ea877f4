//! What the sandbox provider promises, as a provider and as a part of a simulation.

mod support;

use std::time::Duration;

use mp_pay::{
    SandboxBackend,
    backend::{
        Capabilities, Lookup, LookupRequest, PaymentBackend, Reference, sandbox::REPLAY_WINDOW,
    },
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{ConfirmIntent, CreateIntent},
};

use self::support::{CLASSES, World, app, eur, idem, mei, method, staff};

#[tokio::test]
async fn a_provider_made_again_on_its_store_remembers_everything() {
    let world = World::new(CLASSES[0]);
    let account = "acme".parse().expect("a name");
    let sandbox = || SandboxBackend::on(&world.engine, &account);
    let first = World::on(
        world.store.clone(),
        world.clock.clone(),
        sandbox(),
        std::sync::Arc::new(sandbox()),
    );
    first.pay("pm_ok", false).await;
    let again = World {
        sandbox: sandbox(),
        ..first
    };
    assert_eq!(again.moved().await, [100]);
}

#[tokio::test]
async fn what_is_lost_by_chance_is_the_same_for_the_same_seed_and_moves_money_once() {
    let mut unsure = [0, 0];
    for run in &mut unsure {
        let world = World::new(CLASSES[1]);
        let sandbox = world.sandbox.clone().with_losses(7, 200);
        let (store, clock) = (world.store.clone(), world.clock.clone());
        let backend = std::sync::Arc::new(sandbox.clone());
        let world = World::on(store, clock, sandbox, backend);
        for number in 0..50 {
            let key = format!("k{number}");
            let intent = world.create("pm_ok", false, &key).await;
            let confirmed = world.confirm(intent.id, &key).await;
            *run += u32::from(confirmed.status == IntentStatus::Processing);
        }
        world.let_time_pass(12).await;
        assert_eq!(world.moved().await, [100; 50]);
    }
    assert_eq!(unsure[0], unsure[1]);
    assert!((10..30).contains(&unsure[0]), "{unsure:?}");
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_window_and_then_acts_again() {
    let can = Capabilities::neither().with_replay(REPLAY_WINDOW);
    let world = World::new(can);
    let intent = world.pay("pm_ok", false).await;
    let journal = world.payments.journal(&staff(), intent.id).await;
    assert!(!journal.expect("reads").is_empty());
    for (advance, movements) in [(Duration::ZERO, 1), (REPLAY_WINDOW, 2)] {
        world.clock.advance(advance);
        replay(&world, intent.id).await;
        assert_eq!(world.moved().await.len(), movements);
    }
}

/// Charges again under the same key, which the payments would never do after the window.
async fn replay(world: &World, id: mp_pay::IntentId) {
    let stranger = World::new(CLASSES[2]);
    let other = World::on(
        stranger.store.clone(),
        world.clock.clone(),
        world.sandbox.clone(),
        std::sync::Arc::new(world.sandbox.clone()),
    );
    let request = CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
    let intent = other
        .payments
        .create_intent(&mei(), request, &idem("create"))
        .await;
    assert_eq!(
        intent.expect("creates").id,
        id,
        "derived from the same call"
    );
    let confirm = ConfirmIntent::of(id);
    let confirmed = other
        .payments
        .confirm(&mei(), confirm, &idem("confirm"))
        .await;
    assert_eq!(confirmed.expect("confirms").status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn what_is_asked_about_by_the_name_of_another_is_told_as_neither() {
    let world = World::new(CLASSES[1]);
    let mut names = Vec::new();
    for key in ["one", "other"] {
        let intent = world.create("pm_slow", false, key).await;
        world.confirm(intent.id, key).await;
        names.push(intent.id);
    }
    let [one, other] = names[..] else {
        panic!("there are two");
    };
    let step = Step::Charge(1);
    let ask = LookupRequest::of(app(), OperationKey { intent: one, step });
    for _open_and_done in 0..2 {
        for (name, is_found) in [(one, true), (other, false)] {
            let name = Reference::new(name.to_string()).expect("a reference");
            let asked = ask.clone().with_reference(name.clone());
            match world.sandbox.lookup(&asked).await.expect("looks") {
                Lookup::Found(outcome) if is_found => assert_eq!(outcome.reference(), Some(&name)),
                told => assert_eq!((told, is_found), (Lookup::CannotTell, false)),
            }
        }
        world.clock.advance(Duration::from_secs(61));
    }
}
