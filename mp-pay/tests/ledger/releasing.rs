use mp_core::{
    Error, ErrorKind,
    port::{Secured, Settled, Settlement, SettlementStatus},
};
use mp_pay::ledger::{NewTransfer, Side};

use super::{
    settling::{Desk, declined_as},
    world::{World, account, euros},
};

/// A desk that has taken 70 out of 100, and a bank that the till is emptied into.
async fn settled(world: World) -> Desk {
    world.own("house/bank", Side::Credit).await;
    let desk = Desk::of(world).await;
    assert_eq!(desk.secure(70).await, Secured::Secured);
    assert_eq!(desk.settle().await.expect("settles"), Settled::Settled);
    desk
}

async fn moves(desk: &Desk, name: &str, [from, to]: [&str; 2], minor: i64) {
    let request = NewTransfer::of(account(from), account(to), euros(minor));
    desk.world.moves(name, request).await.expect("moves");
}

async fn released(desk: &Desk) -> Result<(), Error> {
    desk.settlement.release(&desk.app, &desk.key).await
}

async fn refused(desk: &Desk, code: &str) {
    let error = released(desk).await.expect_err("is not done");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, code));
}

pub(crate) async fn a_release_that_was_refused_is_done_once_the_payee_can_pay(world: World) {
    let desk = settled(world).await;
    moves(&desk, "empty", ["house/till", "house/bank"], 50).await;
    for _ in 0..2 {
        refused(&desk, "balance_insufficient").await;
        assert_eq!(desk.balances().await, (30, 30, 20));
        assert_eq!(desk.status().await, SettlementStatus::Settled);
    }
    desk.give_back("a", 15).await.expect("gives back");
    refused(&desk, "balance_insufficient").await;
    moves(&desk, "top-up", ["house/bank", "house/till"], 50).await;
    for _ in 0..2 {
        released(&desk).await.expect("is given back");
        assert_eq!(desk.balances().await, (100, 100, 0));
        assert_eq!(desk.status().await, SettlementStatus::Released);
    }
    desk.world.audit().await;
}

pub(crate) async fn a_release_is_done_when_nothing_is_on_its_way(world: World) {
    let mut desk = settled(world).await;
    let healthy = desk.settlement.clone();
    desk.settlement = Desk::settlement(&desk.world.cut_off("house", 0));
    refused(&desk, "on_its_way").await;
    assert_eq!(desk.settle().await.expect("is answered"), Settled::Unknown);
    assert_eq!(desk.secure(70).await, Secured::Unknown, "it may be refused");
    let error = desk.give_back("a", 1).await.expect_err("nothing is left");
    assert_eq!(error.code(), "amount_too_large");
    moves(&desk, "empty", ["house/till", "house/bank"], 70).await;
    desk.world.worker().drain().await.expect("works");

    desk.settlement = healthy;
    assert_eq!(
        desk.status().await,
        SettlementStatus::Settled,
        "it was refused"
    );
    assert_eq!(desk.settle().await.expect("is answered"), Settled::Settled);
    assert_eq!(desk.secure(70).await, Secured::Secured);
    refused(&desk, "balance_insufficient").await;
    moves(&desk, "top-up", ["house/bank", "house/till"], 70).await;
    released(&desk).await.expect("is given back");
    assert_eq!(desk.balances().await, (100, 100, 0));
    is_released_for_good(&desk).await;
    desk.world.audit().await;
}

pub(crate) async fn what_is_being_reversed_is_released_once_it_is_back(world: World) {
    let desk = settled(world).await;
    let (book, transfer) = mp_pay::ledger::LedgerSettlement::transfer_of(&desk.app, &desk.key);
    let named = mp_pay::ledger::NamedTransfer { book, transfer };
    let (office, id) = (super::world::office(), super::world::id("back"));
    let cut_off = desk.world.cut_off("house", 0);
    let reversed = cut_off.reverse(&office, id, named).await;
    reversed.expect("is begun");
    assert_eq!(desk.settle().await.expect("is answered"), Settled::Unknown);
    desk.world.worker().drain().await.expect("works");
    assert_eq!(desk.balances().await, (100, 100, 0));
    is_released_for_good(&desk).await;
    desk.world.audit().await;
}

async fn is_released_for_good(desk: &Desk) {
    let settled = desk.settle().await.expect("is answered");
    assert!(matches!(settled, Settled::Declined(_)), "{settled:?}");
    assert_eq!(declined_as(desk.secure(70).await), "released");
}

pub(crate) async fn what_was_reversed_is_released(world: World) {
    let desk = settled(world).await;
    let (book, transfer) = mp_pay::ledger::LedgerSettlement::transfer_of(&desk.app, &desk.key);
    let named = mp_pay::ledger::NamedTransfer { book, transfer };
    let (office, id) = (super::world::office(), super::world::id("back"));
    let reversed = desk.world.ledger.reverse(&office, id, named).await;
    reversed.expect("reverses");
    released(&desk).await.expect("is given back");
    assert_eq!(desk.status().await, SettlementStatus::Released);
    assert_eq!(desk.balances().await, (100, 100, 0));
    desk.world.audit().await;
}
