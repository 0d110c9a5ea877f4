use std::time::Duration;

use mp_core::port::{Secured, Settled, Settlement, SettlementStatus};
use mp_pay::ledger::{LedgerSettlement, SETTLEMENT_HOLD};

use super::{
    settling::{Desk, declined_as},
    world::World,
};

/// How far a clock may be ahead of another one.
const AHEAD: Duration = Duration::from_secs(8);

/// Demands that nothing is taken by a process whose clock has not reached the end of a hold, once
/// one whose clock has was asked something.
async fn is_over_for_both(mut desk: Desk, asked: impl AsyncFnOnce(&Desk)) {
    assert_eq!(desk.secure(70).await, Secured::Secured);
    let lasts = SETTLEMENT_HOLD + Duration::from_secs(600);
    desk.world.clock.advance(lasts - AHEAD);
    let behind = desk.settlement;
    desk.settlement = Desk::settlement(&desk.world.ahead(AHEAD));
    asked(&desk).await;
    desk.settlement = behind;
    is_expired(&desk.settlement, &desk).await;
    assert_eq!(desk.status().await, SettlementStatus::Declined);
    assert_eq!(desk.balances().await, (100, 100, 0));
    desk.world.audit().await;
}

async fn is_expired(settlement: &LedgerSettlement, desk: &Desk) {
    match settlement.settle(&desk.app, &desk.key).await {
        Ok(Settled::Declined(declined)) => assert_eq!(declined.code, "expired"),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn what_could_not_be_settled_in_time_is_settled_by_nobody(world: World) {
    let asked = async |desk: &Desk| is_expired(&desk.settlement, desk).await;
    is_over_for_both(Desk::of(world).await, asked).await;
}

pub(crate) async fn what_was_released_after_its_time_is_settled_by_nobody(world: World) {
    let asked = async |desk: &Desk| desk.release().await;
    is_over_for_both(Desk::of(world).await, asked).await;
}

pub(crate) async fn what_is_told_to_have_lapsed_is_settled_by_nobody(world: World) {
    let asked = async |desk: &Desk| {
        assert_eq!(declined_as(desk.secure(70).await), "expired");
    };
    is_over_for_both(Desk::of(world).await, asked).await;
}
