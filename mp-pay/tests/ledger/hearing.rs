use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error,
    port::{Fact, Secured, Settlement, SettlementListener, SettlementStatus},
    work::{Worker, WorkerOptions},
};
use mp_pay::ledger::{LedgerSettlement, NamedTransfer, SETTLEMENT_HOLD};

use super::{
    settling::Desk,
    world::{World, office},
};

/// Whoever had something secured.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<Fact>>);

#[async_trait]
impl SettlementListener for Ear {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        self.0.lock().expect("unpoisoned").push(fact.clone());
        Ok(())
    }
}

/// Does what is due, and returns what was heard.
async fn heard(desk: &Desk) -> Vec<Fact> {
    let ear = Arc::new(Ear::default());
    let worker = Worker::new(&desk.world.engine, WorkerOptions::default());
    let worker = worker.with(desk.world.ledger.handlers());
    let worker = worker.with(desk.settlement.handlers(ear.clone()));
    worker.drain().await.expect("works");
    let heard = ear.0.lock().expect("unpoisoned");
    heard.clone()
}

fn fact(desk: &Desk, status: SettlementStatus) -> Fact {
    let (app, key) = (desk.app.clone(), desk.key.clone());
    Fact { app, key, status }
}

pub(crate) async fn whoever_had_stored_value_secured_hears_that_it_is_held_no_more(world: World) {
    let desk = Desk::of(world).await;
    assert_eq!(desk.secure(70).await, Secured::Secured);
    assert_eq!(heard(&desk).await, [], "it knows");
    desk.world.clock.advance(SETTLEMENT_HOLD);
    desk.world.clock.advance(Duration::from_secs(601));
    let expired = fact(&desk, SettlementStatus::Declined);
    assert_eq!(heard(&desk).await, [expired]);
    assert_eq!(desk.balances().await, (100, 100, 0));

    let desk = Desk {
        key: "gb_2.0".parse().expect("a key"),
        ..desk
    };
    assert_eq!(desk.secure(70).await, Secured::Secured);
    let (book, transfer) = LedgerSettlement::transfer_of(&desk.app, &desk.key);
    let named = NamedTransfer { book, transfer };
    let voided = desk.world.ledger.void(&office(), named).await;
    voided.expect("voids");
    let voided = fact(&desk, SettlementStatus::Released);
    assert_eq!(heard(&desk).await, [voided]);
    desk.world.audit().await;
}

pub(crate) async fn whoever_lets_go_of_stored_value_is_told_nothing(world: World) {
    let desk = Desk::of(world).await;
    assert_eq!(desk.secure(70).await, Secured::Secured);
    let released = desk.settlement.release(&desk.app, &desk.key).await;
    released.expect("lets go");
    assert_eq!(heard(&desk).await, []);
    assert_eq!(desk.balances().await, (100, 100, 0));
    desk.world.audit().await;
}
