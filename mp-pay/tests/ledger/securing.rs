use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mp_core::{
    Error,
    amount::Currency,
    id::{AppId, UserId},
    port::{Secured, Settlement},
};
use mp_pay::ledger::{AccountId, LedgerSettlement, OpenAccount, SettlementAccounts};

use super::{
    settling::Desk,
    world::{World, account, euro, office},
};

/// Names whatever it was told last, whoever pays.
#[derive(Debug)]
struct Chosen(Mutex<Option<&'static str>>);

impl Chosen {
    fn choose(&self, name: Option<&'static str>) {
        *self.0.lock().expect("unpoisoned") = name;
    }
}

#[async_trait]
impl SettlementAccounts for Chosen {
    async fn payer(&self, _: &AppId, _: &UserId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(self.0.lock().expect("unpoisoned").map(account))
    }

    async fn payee(&self, _: &AppId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(account("house/till")))
    }
}

pub(crate) async fn who_pays_is_known_by_what_was_debited(world: World) {
    let desk = Desk::of(world).await;
    let mei = "mei".parse().expect("a user");
    let purse = OpenAccount::wallet(account("mei/purse"), euro(), mei);
    let opened = desk.world.ledger.open(&office(), purse).await;
    opened.expect("opens");

    let chosen = Arc::new(Chosen(Mutex::new(Some("mei/wallet"))));
    let settlement = LedgerSettlement::new(&desk.world.ledger, chosen.clone());
    let request = desk.request(70);
    let mut of_another = request.clone();
    of_another.payer = "ada".parse().expect("a user");
    for name in [Some("mei/wallet"), Some("mei/purse"), None] {
        chosen.choose(name);
        let secured = settlement.secure(&request).await.expect("is answered");
        assert_eq!(secured, Secured::Secured, "{name:?}");
        let refused = settlement.secure(&of_another).await.expect_err("is Mei's");
        assert_eq!(refused.code(), "idempotency_conflict", "{name:?}");
    }
    assert_eq!(desk.balances().await, (100, 30, 0));
    desk.world.audit().await;
}
