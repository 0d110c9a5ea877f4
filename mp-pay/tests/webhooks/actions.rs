//! What a webhook tells of a payer who has to act.

use std::{sync::Arc, time::Duration};

use mp_pay::{
    backend::{Capabilities, NextAction, NextActionKind, sandbox::Behaviour},
    intent::IntentStatus,
};

use super::{
    handling::tell_all,
    sender::{intake, worker},
    support::{
        World,
        faulty::{Doom, Fault, FaultyBackend},
    },
};

/// Returns a world whose provider asks the payer for this, and has declared no more. The answer to its
/// call of this number is lost.
fn asking(action: &NextAction, kinds: &'static [NextActionKind], lost: u32) -> World {
    let names = Capabilities::neither().with_queries_by_reference();
    let can = names.with_next_actions(kinds);
    let world = World::new(can);
    let (store, clock, sandbox) = (world.store, world.clock, world.sandbox);
    sandbox.script(Behaviour::Asks(action.clone(), Duration::from_secs(60)));
    let doom = Doom::at(lost, Fault::LostAfter, &Arc::default());
    let backend = FaultyBackend::new(Arc::new(sandbox.clone()), doom).declaring(can);
    World::on(store, clock, sandbox, Arc::new(backend))
}

/// What a payer is asked for, with its kind.
fn asked_for() -> [(NextAction, &'static [NextActionKind]); 2] {
    let payload = serde_json::json!({"client_secret": "pi_1_secret_2"});
    let (content, expires_at) = ("weixin://pay".into(), None);
    let code = NextAction::QrCode {
        content,
        expires_at,
    };
    [
        (
            NextAction::ClientSdk { payload },
            &[NextActionKind::ClientSdk],
        ),
        (code, &[NextActionKind::QrCode]),
    ]
}

#[tokio::test]
async fn an_event_changes_nothing_of_what_the_backend_asks_the_payer_for() {
    for (action, kinds) in asked_for() {
        let world = asking(&action, kinds, 0);
        let webhooks = intake(&world.engine, &world.payments);
        let asked = world.pay("pm_ok", false).await;
        assert_eq!(asked.next_action.as_ref(), Some(&action));
        tell_all(&world, &webhooks).await;
        worker(&world, &webhooks).drain().await.expect("works");
        let now = world.intent(asked.id).await;
        assert_eq!(now.status, IntentStatus::RequiresAction, "{action:?}");
        assert_eq!(now.next_action, Some(action));
        assert_eq!(world.unresolved().await, 0, "it is no breach");
    }
}

#[tokio::test]
async fn an_event_names_what_the_backend_is_then_asked_about() {
    for (action, kinds) in asked_for() {
        let world = asking(&action, kinds, 1);
        let webhooks = intake(&world.engine, &world.payments);
        let unsure = world.pay("pm_ok", false).await;
        assert_eq!(unsure.status, IntentStatus::Processing);
        tell_all(&world, &webhooks).await;
        worker(&world, &webhooks).drain().await.expect("works");
        let now = world.intent(unsure.id).await;
        assert_eq!(now.status, IntentStatus::RequiresAction, "{action:?}");
        assert_eq!(now.next_action, Some(action), "told by the backend");
        assert_eq!(world.unresolved().await, 0);
    }
}
