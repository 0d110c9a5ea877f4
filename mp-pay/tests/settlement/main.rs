//! What the settlement port promises to other capabilities.

mod owed;
mod returned;
#[path = "../support/mod.rs"]
mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    port::{
        Fact, SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementListener,
        SettlementStatus,
    },
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    PayError, PaymentsSettlement,
    backend::{Capabilities, DeclineCode, Outcome, Reference, WebhookTrust, sandbox::Behaviour},
    method::FixedMethods,
    operation::{OperationKey, Step},
    payments::{CaptureIntent, Notice},
    refund::{Refund, RefundStatus},
};

use self::support::{CLASSES, World, app, eur, idem, method, staff};

const BOTH: [bool; 2] = [true, false];

/// A world in which money can be held first, or not.
fn world(holds: bool) -> World {
    let can = CLASSES[1];
    World::new(if holds {
        can
    } else {
        can.without_separate_capture()
    })
}

fn settlement(world: &World, token: &str) -> PaymentsSettlement {
    let methods = FixedMethods::everybody(method(token));
    PaymentsSettlement::new(&world.payments, Arc::new(methods))
}

fn key(text: &str) -> SettlementKey {
    text.parse().expect("a key")
}

fn request(world: &World, name: &str) -> SecureRequest {
    SecureRequest {
        key: key(name),
        app: app(),
        payer: "mei".parse().expect("a user"),
        amount: eur(100),
        deadline: world.engine.now().plus(Duration::from_secs(600)),
    }
}

fn declined(code: &str) -> mp_core::port::Declined {
    mp_core::port::Declined { code: code.into() }
}

#[derive(Debug, Default)]
struct Ear(Mutex<Vec<SettlementStatus>>);

#[async_trait]
impl SettlementListener for Ear {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        assert_eq!((&fact.app, &fact.key), (&app(), &key("seat")));
        self.0.lock().expect("no panics").push(fact.status);
        Ok(())
    }
}

#[tokio::test]
async fn money_is_secured_settled_and_moves_once() {
    for holds in BOTH {
        let world = world(holds);
        let port = settlement(&world, "pm_ok");
        let request = request(&world, "seat");
        assert_eq!(
            port.status(&app(), &request.key).await.expect("tells"),
            SettlementStatus::Unseen
        );
        for _ in 0..2 {
            assert_eq!(
                port.secure(&request).await.expect("secures"),
                Secured::Secured
            );
            let status = port.status(&app(), &request.key).await.expect("tells");
            assert_eq!(status, SettlementStatus::Secured);
        }
        assert_eq!(world.moved().await.len(), usize::from(!holds));
        for _ in 0..2 {
            let settled = port.settle(&app(), &request.key).await.expect("settles");
            assert_eq!(settled, Settled::Settled);
        }
        assert_eq!(world.moved().await, [100]);
        let status = port.status(&app(), &request.key).await.expect("tells");
        assert_eq!(status, SettlementStatus::Settled);
    }
}

#[tokio::test]
async fn what_is_released_is_let_go_or_given_back() {
    for holds in BOTH {
        for settle_first in BOTH {
            let world = world(holds);
            let port = settlement(&world, "pm_ok");
            let request = request(&world, "seat");
            port.secure(&request).await.expect("secures");
            if settle_first {
                port.settle(&app(), &request.key).await.expect("settles");
            }
            for _ in 0..2 {
                port.release(&app(), &request.key).await.expect("releases");
            }
            let status = port.status(&app(), &request.key).await.expect("tells");
            assert_eq!(status, SettlementStatus::Released);
            let moved = world.moved().await;
            let expected: &[i64] = if holds && !settle_first {
                &[]
            } else {
                &[100, -100]
            };
            assert_eq!(moved, expected);
            let settled = port.settle(&app(), &request.key).await.expect("answers");
            assert_eq!(settled, Settled::Declined(declined("released")));
            let secured = port.secure(&request).await.expect("answers");
            assert_eq!(secured, Secured::Declined(declined("released")));
            assert_eq!(world.moved().await, moved);
        }
    }
}

#[tokio::test]
async fn a_key_released_before_it_was_seen_is_fenced() {
    let world = world(true);
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    port.release(&app(), &request.key).await.expect("fences");
    port.release(&app(), &request.key).await.expect("fences");
    let secured = port.secure(&request).await.expect("answers");
    assert_eq!(secured, Secured::Declined(declined("released")));
    let status = port.status(&app(), &request.key).await.expect("tells");
    assert_eq!(status, SettlementStatus::Released);
    assert!(world.moved().await.is_empty());
}

#[tokio::test]
async fn a_release_while_the_outcome_is_unknown_is_carried_out_when_it_is_known() {
    for holds in BOTH {
        for (token, acted) in [("pm_timeout_after", true), ("pm_timeout_before", false)] {
            let world = world(holds);
            let port = settlement(&world, token);
            let request = request(&world, "seat");
            let secured = port.secure(&request).await.expect("answers");
            assert_eq!(secured, Secured::Unknown);
            port.release(&app(), &request.key).await.expect("is noted");
            world.let_time_pass(4).await;
            let status = port.status(&app(), &request.key).await.expect("tells");
            assert_eq!(
                status,
                SettlementStatus::Released,
                "{holds} {token} {acted}"
            );
            assert_eq!(world.moved().await.iter().sum::<i64>(), 0);
            let secured = port.secure(&request).await.expect("answers");
            assert_eq!(secured, Secured::Declined(declined("released")));
        }
    }
}

#[tokio::test]
async fn a_part_is_given_back_once_and_never_more_than_was_taken() {
    for holds in BOTH {
        let world = world(holds);
        let port = settlement(&world, "pm_ok");
        let request = request(&world, "seat");
        port.secure(&request).await.expect("secures");
        port.settle(&app(), &request.key).await.expect("settles");
        let back = |part: &str, cents| {
            let (port, key, part) = (port.clone(), request.key.clone(), key(part));
            async move { port.give_back(&app(), &key, &part, eur(cents)).await }
        };
        for _ in 0..3 {
            back("one", 60).await.expect("gives back");
        }
        assert_eq!(world.moved().await.iter().sum::<i64>(), 40);
        assert_eq!(
            back("one", 30).await.expect_err("reused").kind(),
            ErrorKind::KeyReused
        );
        assert_eq!(
            back("two", 41).await.expect_err("too much").kind(),
            ErrorKind::Refused
        );
        back("two", 40).await.expect("gives back");
        assert_eq!(world.moved().await.iter().sum::<i64>(), 0);
    }
}

#[tokio::test]
async fn a_decline_is_final_for_its_key() {
    let world = world(true);
    let request = request(&world, "seat");
    let declining = settlement(&world, "pm_declined");
    let code = Secured::Declined(declined("card_declined"));
    assert_eq!(declining.secure(&request).await.expect("answers"), code);
    let paying = settlement(&world, "pm_ok");
    assert_eq!(paying.secure(&request).await.expect("answers"), code);
    let status = paying.status(&app(), &request.key).await.expect("tells");
    assert_eq!(status, SettlementStatus::Declined);
}

#[tokio::test]
async fn a_payer_without_a_method_or_time_is_declined() {
    let world = world(true);
    let nobody = PaymentsSettlement::new(&world.payments, Arc::new(FixedMethods::default()));
    let secured = nobody
        .secure(&request(&world, "one"))
        .await
        .expect("answers");
    assert_eq!(secured, Secured::Declined(declined("no_payment_method")));
    let port = settlement(&world, "pm_ok");
    let late = SecureRequest {
        deadline: world.engine.now(),
        ..request(&world, "two")
    };
    let secured = port.secure(&late).await.expect("answers");
    assert_eq!(secured, Secured::Declined(declined("expired")));
    assert!(world.moved().await.is_empty());
}

#[tokio::test]
async fn a_payer_who_has_to_act_has_until_the_deadline() {
    let world = world(true);
    let port = settlement(&world, "pm_ok");
    let request = request(&world, "seat");
    world
        .sandbox
        .script(Behaviour::NeedsAction(Duration::from_secs(900)));
    let secured = port.secure(&request).await.expect("answers");
    assert!(matches!(secured, Secured::NeedsAction(action) if action["type"] == "redirect"));
    world.clock.advance(Duration::from_secs(600));
    let secured = port.secure(&request).await.expect("answers");
    assert_eq!(secured, Secured::Declined(declined("expired")));
    world.let_time_pass(20).await;
    assert!(world.moved().await.is_empty());
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let world = world(true);
    let port = settlement(&world, "pm_ok");
    let first = request(&world, "seat");
    port.secure(&first).await.expect("secures");
    let other = SecureRequest {
        amount: eur(101),
        ..first
    };
    let refused = port.secure(&other).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::KeyReused);
    let unseen = port
        .settle(&app(), &key("other"))
        .await
        .expect_err("refused");
    assert_eq!(unseen.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_learnt_later_is_told() {
    let world = world(true);
    let port = settlement(&world, "pm_slow");
    let request = request(&world, "seat");
    assert_eq!(
        port.secure(&request).await.expect("answers"),
        Secured::Unknown
    );
    let ear = Arc::new(Ear::default());
    let worker = Worker::new(&world.engine, WorkerOptions::default())
        .with(world.payments.handlers())
        .with(port.handlers(ear.clone()));
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(61));
        worker.drain().await.expect("works");
    }
    assert_eq!(
        *ear.0.lock().expect("no panics"),
        [SettlementStatus::Secured]
    );
    port.release(&app(), &request.key).await.expect("releases");
    worker.drain().await.expect("works");
    let told = ear.0.lock().expect("no panics").clone();
    assert_eq!(
        told,
        [SettlementStatus::Secured, SettlementStatus::Released]
    );
}
