use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error,
    amount::Currency,
    clock::ManualClock,
    id::{AppId, UserId},
    port::{SecureRequest, Secured, Settlement, SettlementStatus},
};
use mp_pay::ledger::{AccountId, LedgerSettlement, SettlementAccounts};

use super::{
    settling::{Desk, declined_as},
    world::{World, account},
};

/// Takes so long to name the payee, and somebody else may secure the same meanwhile.
#[derive(Debug)]
struct Slow {
    clock: Arc<ManualClock>,
    takes: Duration,
    meanwhile: Option<(LedgerSettlement, SecureRequest)>,
}

#[async_trait]
impl SettlementAccounts for Slow {
    async fn payer(&self, _: &AppId, _: &UserId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(account("mei/wallet")))
    }

    async fn payee(&self, _: &AppId, _: Currency) -> Result<Option<AccountId>, Error> {
        self.clock.advance(self.takes);
        if let Some((settlement, request)) = &self.meanwhile {
            let secured = settlement.secure(request).await.expect("is answered");
            assert_eq!(secured, Secured::Secured);
            self.clock.advance(self.takes);
        }
        Ok(Some(account("house/till")))
    }
}

pub(crate) async fn what_is_begun_after_its_deadline_is_fenced(world: World) {
    let desk = Desk::of(world).await;
    let slow = Slow {
        clock: desk.world.clock.clone(),
        takes: Duration::from_secs(600),
        meanwhile: None,
    };
    let settlement = LedgerSettlement::new(&desk.world.ledger, Arc::new(slow));
    let secured = settlement.secure(&desk.request(70)).await;
    assert_eq!(declined_as(secured.expect("is answered")), "expired");
    assert_eq!(desk.status().await, SettlementStatus::Declined);
    assert_eq!(declined_as(desk.secure(70).await), "expired", "for good");
    assert_eq!(desk.balances().await, (100, 100, 0));
    desk.world.audit().await;
}

pub(crate) async fn who_secures_the_same_at_once_is_told_the_same(world: World) {
    let desk = Desk::of(world).await;
    let request = desk.request(70);
    let slow = Slow {
        clock: desk.world.clock.clone(),
        takes: Duration::from_secs(2),
        meanwhile: Some((desk.settlement.clone(), request.clone())),
    };
    let settlement = LedgerSettlement::new(&desk.world.ledger, Arc::new(slow));
    let secured = settlement.secure(&request).await.expect("is answered");
    assert_eq!(secured, Secured::Secured);
    assert_eq!(desk.balances().await, (100, 30, 0));
    desk.world.audit().await;
}
