//! What becomes of a payment whose backend breaks its contract.

mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{Timestamp, store::MemoryStore};
use mp_pay::{
    PaymentIntent, SandboxBackend,
    backend::{DeclineCode, NextAction, NextActionKind, Outcome, Reference, sandbox::Behaviour},
    intent::IntentStatus,
    journal::{Event, Source},
    operation::{Breach, OperationKey, Step},
    payments::Notice,
};

use self::support::{
    CLASSES, World, clock, engine,
    faulty::{Doom, Fault, FaultyBackend},
    idem, staff,
};

const UNDECLARED: NextAction = NextAction::AwaitNotification {
    until: Some(Timestamp::MAX),
};

/// Returns a world whose provider asks a payer for this, and has declared codes to scan and nothing
/// else. The answer to its call of this number is lost.
fn asking(action: NextAction, lost: u32) -> World {
    let clock = clock();
    let provider = engine(Arc::new(MemoryStore::new()), &clock);
    let account = "acme".parse().expect("a name");
    let sandbox = SandboxBackend::on(&provider, &account).with_capabilities(CLASSES[1]);
    sandbox.script(Behaviour::Asks(action, Duration::from_secs(10_000)));
    let doom = Doom::at(lost, Fault::LostAfter, &Arc::default());
    let backend = FaultyBackend::new(Arc::new(sandbox.clone()), doom);
    let declared = CLASSES[1].with_next_actions(&[NextActionKind::QrCode]);
    let backend = Arc::new(backend.declaring(declared));
    World::on(Arc::new(MemoryStore::new()), clock, sandbox, backend)
}

fn code() -> NextAction {
    NextAction::QrCode {
        content: "weixin://pay".into(),
        expires_at: None,
    }
}

fn charge(intent: &PaymentIntent) -> OperationKey {
    OperationKey {
        intent: intent.id,
        step: Step::Charge(1),
    }
}

/// Has an undeclared action told in this way, and returns what came of it.
async fn told_by(way: Source) -> (World, PaymentIntent) {
    let world = match way {
        Source::Call => asking(UNDECLARED, 0),
        Source::Lookup => asking(UNDECLARED, 1),
        _ => asking(code(), 0),
    };
    let intent = world.pay("pm_ok", false).await;
    if way == Source::Notice {
        assert_eq!(
            intent.next_action,
            Some(code()),
            "what was declared is shown"
        );
        let outcome = Outcome::needs_action(UNDECLARED);
        let operation = charge(&intent);
        let notice = Notice { operation, outcome };
        for _ in 0..2 {
            let told = world.payments.observe(&staff(), notice.clone()).await;
            told.expect("takes it in");
        }
    }
    world.let_time_pass(2).await;
    let intent = world.intent(intent.id).await;
    (world, intent)
}

#[tokio::test]
async fn an_action_that_was_not_declared_goes_to_a_person_and_never_to_the_payer() {
    for way in [Source::Call, Source::Lookup, Source::Notice] {
        let (world, intent) = told_by(way).await;
        let shown = (intent.status, intent.next_action.clone());
        assert_eq!(shown, (IntentStatus::Processing, None), "{way:?}");
        let listed = world.payments.unresolved(&staff(), None, 9).await;
        let listed = listed.expect("lists");
        let found: Vec<_> = listed.iter().map(|it| (it.operation, it.breach)).collect();
        let breach = Some(Breach::UndeclaredAction);
        assert_eq!(found, [(charge(&intent), breach)], "{way:?}");
        let journal = world.payments.journal(&staff(), intent.id).await;
        let journal = journal.expect("reads").into_iter();
        let refused: Vec<_> = journal
            .filter_map(|entry| match entry.event {
                Event::ActionRefused { action, source, .. } => Some((action, source)),
                _ => None,
            })
            .collect();
        assert_eq!(refused, [(UNDECLARED, way)], "once");
        let attempts = world.payments.attempts(&staff(), intent.id).await;
        let name = attempts.expect("reads")[0].charge.reference.clone();
        let name = name.as_ref().map(Reference::as_str);
        assert_eq!(name, Some(intent.id.to_string()).as_deref(), "{way:?}");
    }
}

#[tokio::test]
async fn a_payer_is_sent_to_no_page_that_is_not_safe() {
    // Three of it, as they would stand in a payment's root, are longer than a record may be.
    let endless = format!("https://bank.example/{}", "x".repeat(100_000));
    for url in [
        "http://bank.example/3ds",
        "https://bank.example@evil.example/",
        "https://127.0.0.1/",
        "javascript:alert(1)",
        &endless,
    ] {
        let clock = clock();
        let provider = engine(Arc::new(MemoryStore::new()), &clock);
        let account = "acme".parse().expect("a name");
        let sandbox = SandboxBackend::on(&provider, &account).with_capabilities(CLASSES[1]);
        let action = NextAction::Redirect { url: url.into() };
        sandbox.script(Behaviour::Asks(action, Duration::from_secs(10_000)));
        let backend = Arc::new(sandbox.clone());
        let world = World::on(Arc::new(MemoryStore::new()), clock, sandbox, backend);
        let intent = world.pay("pm_ok", false).await;
        let shown = (intent.status, intent.next_action.clone());
        assert_eq!(shown, (IntentStatus::Processing, None), "{url}");
        world.let_time_pass(2).await;
        let listed = world.payments.unresolved(&staff(), None, 9).await;
        let found: Vec<_> = listed.expect("lists").iter().map(|it| it.breach).collect();
        assert_eq!(found, [Some(Breach::UnsafeAction)], "{url}");
    }
}

#[tokio::test]
async fn a_person_or_the_money_ends_what_waits_because_of_a_breach() {
    let paid = Outcome::settled("ch_1".to_owned().try_into().expect("a reference"));
    let unpaid = Outcome::declined(DeclineCode::new("never_paid").expect("a code"));
    for (outcome, by_person, status) in [
        (paid.clone(), true, IntentStatus::Succeeded),
        (unpaid, true, IntentStatus::RequiresPaymentMethod),
        (paid, false, IntentStatus::Succeeded),
    ] {
        let (world, intent) = told_by(Source::Call).await;
        let operation = charge(&intent);
        let notice = Notice { operation, outcome };
        let ended = if by_person {
            world
                .payments
                .resolve(&staff(), notice, &idem("resolve"))
                .await
        } else {
            world.payments.observe(&staff(), notice).await
        };
        assert_eq!(ended.expect("ends it").status, status);
        assert_eq!(world.unresolved().await, 0);
    }
}
