use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error,
    amount::{Currency, Money},
    id::{AppId, UserId},
    port::{SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus},
    retention::{AGE_MIN, FileArchive, Retention},
};
use mp_pay::ledger::{
    AccountId, ClosedSettlements, FixedAccounts, Ledger, LedgerSettlement, NewTransfer,
    OpenAccount, SettlementAccounts, Side,
};

use super::world::{World, account, euro, euros, office};

/// Everybody pays from a wallet, and the app is paid into the till.
#[derive(Debug)]
struct Wallets;

#[async_trait]
impl SettlementAccounts for Wallets {
    async fn payer(
        &self,
        _: &AppId,
        payer: &UserId,
        currency: Currency,
    ) -> Result<Option<AccountId>, Error> {
        Ok((currency == Currency::EUR).then(|| account(&format!("{payer}/wallet"))))
    }

    async fn payee(&self, _: &AppId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(account("house/till")))
    }
}

pub(super) struct Desk {
    pub(super) world: World,
    pub(super) settlement: LedgerSettlement,
    pub(super) app: AppId,
    pub(super) key: SettlementKey,
}

impl Desk {
    pub(super) async fn of(world: World) -> Self {
        world.funded("mei", 100).await;
        let mut till = OpenAccount::own(account("house/till"), euro(), Side::Credit);
        till.least = Some(0);
        world.ledger.open(&office(), till).await.expect("opens");
        Self {
            settlement: Self::settlement(&world.ledger),
            world,
            app: "market".parse().expect("an app"),
            key: "gb_1.0".parse().expect("a key"),
        }
    }

    pub(super) fn settlement(ledger: &Ledger) -> LedgerSettlement {
        LedgerSettlement::new(ledger, Arc::new(Wallets))
    }

    pub(super) fn request(&self, minor: i64) -> SecureRequest {
        SecureRequest {
            key: self.key.clone(),
            app: self.app.clone(),
            payer: "mei".parse().expect("a user"),
            amount: Money::new(minor, Currency::EUR),
            deadline: self.world.engine.now().plus(Duration::from_secs(600)),
        }
    }

    pub(super) async fn secure(&self, minor: i64) -> Secured {
        let secured = self.settlement.secure(&self.request(minor)).await;
        secured.expect("is answered")
    }

    pub(super) async fn settle(&self) -> Result<Settled, Error> {
        self.settlement.settle(&self.app, &self.key).await
    }

    pub(super) async fn release(&self) {
        let released = self.settlement.release(&self.app, &self.key).await;
        released.expect("is let go of");
    }

    pub(super) async fn give_back(&self, part: &str, minor: i64) -> Result<(), Error> {
        let part = part.parse().expect("a key");
        let amount = Money::new(minor, Currency::EUR);
        self.settlement
            .give_back(&self.app, &self.key, &part, amount)
            .await
    }

    pub(super) async fn status(&self) -> SettlementStatus {
        let status = self.settlement.status(&self.app, &self.key).await;
        status.expect("is answered")
    }

    pub(super) async fn balances(&self) -> (i64, i64, i64) {
        let (wallet, till) = (account("mei/wallet"), account("house/till"));
        (
            self.world.posted(&wallet).await,
            self.world.available(&wallet).await,
            self.world.posted(&till).await,
        )
    }
}

pub(super) fn declined_as(secured: Secured) -> String {
    match secured {
        Secured::Declined(declined) => declined.code,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn stored_value_is_secured_settled_and_given_back(world: World) {
    let desk = Desk::of(world).await;
    assert_eq!(desk.status().await, SettlementStatus::Unseen);
    assert_eq!(
        desk.settle().await.expect_err("is unseen").code(),
        "not_found"
    );
    for _ in 0..2 {
        assert_eq!(desk.secure(70).await, Secured::Secured);
        assert_eq!(desk.balances().await, (100, 30, 0));
    }
    let other = desk.settlement.secure(&desk.request(71)).await;
    assert_eq!(other.expect_err("differs").code(), "idempotency_conflict");
    for _ in 0..2 {
        assert_eq!(desk.settle().await.expect("settles"), Settled::Settled);
        assert_eq!(desk.balances().await, (30, 30, 70));
    }
    for _ in 0..2 {
        desk.give_back("a", 20).await.expect("gives back");
        assert_eq!(desk.balances().await, (50, 50, 50));
    }
    let more = desk.give_back("b", 51).await.expect_err("is too much");
    assert_eq!(more.code(), "amount_too_large");
    assert_eq!(desk.status().await, SettlementStatus::Settled);
    for _ in 0..2 {
        desk.release().await;
        assert_eq!(desk.balances().await, (100, 100, 0));
        assert_eq!(desk.status().await, SettlementStatus::Released);
    }
    assert_eq!(declined_as(desk.secure(70).await), "released");
    desk.world.audit().await;
}

pub(crate) async fn what_is_released_is_fenced(world: World) {
    let desk = Desk::of(world).await;
    desk.release().await;
    assert_eq!(declined_as(desk.secure(70).await), "released");
    assert!(matches!(desk.settle().await, Ok(Settled::Declined(_))));
    assert_eq!(desk.balances().await, (100, 100, 0));

    let desk = Desk {
        key: "gb_2.0".parse().expect("a key"),
        ..desk
    };
    assert_eq!(desk.secure(70).await, Secured::Secured);
    desk.release().await;
    assert_eq!(desk.balances().await, (100, 100, 0));
    assert_eq!(declined_as(desk.secure(70).await), "released");
    assert!(matches!(desk.settle().await, Ok(Settled::Declined(_))));
    assert_eq!(desk.status().await, SettlementStatus::Released);
    desk.world.audit().await;
}

pub(crate) async fn a_payer_who_has_too_little_is_declined(world: World) {
    let desk = Desk::of(world).await;
    assert_eq!(declined_as(desk.secure(101).await), "insufficient_funds");
    assert_eq!(desk.status().await, SettlementStatus::Declined);
    assert_eq!(declined_as(desk.secure(101).await), "insufficient_funds");
    desk.release().await;
    assert_eq!(desk.balances().await, (100, 100, 0));
    desk.world.audit().await;
}

/// Names the same two accounts whoever pays.
#[derive(Debug)]
struct Named([&'static str; 2]);

#[async_trait]
impl SettlementAccounts for Named {
    async fn payer(&self, _: &AppId, _: &UserId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(account(self.0[0])))
    }

    async fn payee(&self, _: &AppId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(account(self.0[1])))
    }
}

pub(crate) async fn nobody_secures_what_is_not_theirs(world: World) {
    let desk = Desk::of(world).await;
    desk.world.funded("ada", 100).await;
    desk.world.own("house/wallet", Side::Credit).await;
    let sales = desk.world.own("stall/sales", Side::Credit).await;
    let moved = NewTransfer::of(account("mei/wallet"), sales, euros(10));
    desk.world.moves("in-transit", moved).await.expect("moves");
    for (number, ends) in [
        ["ada/wallet", "house/till"],
        ["house/wallet", "house/till"],
        ["stall/in-transit:EUR", "house/till"],
        ["mei/wallet", "stall/in-transit:EUR"],
        ["mei/wallet", "mei/wallet"],
    ]
    .into_iter()
    .enumerate()
    {
        let settlement = LedgerSettlement::new(&desk.world.ledger, Arc::new(Named(ends)));
        let mut request = desk.request(50);
        request.key = format!("gb_1.{number}").parse().expect("a key");
        let secured = settlement.secure(&request).await.expect("is answered");
        assert_eq!(declined_as(secured), "no_account", "{ends:?}");
    }
    // Somebody may be called like a book of the house's.
    let by_name = FixedAccounts::paid_into(account("house/till")).from_each("wallet");
    let settlement = LedgerSettlement::new(&desk.world.ledger, Arc::new(by_name));
    let mut request = desk.request(50);
    request.payer = "house".parse().expect("a user");
    let secured = settlement.secure(&request).await.expect("is answered");
    assert_eq!(declined_as(secured), "no_account");
    assert_eq!(desk.balances().await, (90, 90, 0));
    desk.world.audit().await;
}

pub(crate) async fn a_settlement_that_is_over_is_retired(world: World) {
    let desk = Desk::of(world).await;
    let attic = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(FileArchive::in_folder(attic.path()));
    let (engine, store) = (&desk.world.engine, desk.world.store.clone());
    let rule = Arc::new(ClosedSettlements::refundable_for(3 * AGE_MIN));
    let retention = Retention::new(engine, store, archive).with(rule, AGE_MIN);
    let fenced: SettlementKey = "gb_2.0".parse().expect("a key");
    let release = async || desk.settlement.release(&desk.app, &fenced).await;
    release().await.expect("fences");
    desk.world
        .clock
        .advance(3 * AGE_MIN - Duration::from_secs(1));
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!(sweep.retired, 0, "it may be asked for again");
    release().await.expect("is fenced");
    desk.world.clock.advance(Duration::from_secs(1));
    assert_eq!(retention.sweep_all().await.expect("sweeps").retired, 1);
    assert_eq!(desk.secure(70).await, Secured::Secured);
    desk.world.clock.advance(3 * AGE_MIN);
    assert_eq!(desk.settle().await.expect("settles"), Settled::Settled);
    desk.world.clock.advance(2 * AGE_MIN);
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!(sweep.retired, 0, "something may be given back yet");
    desk.world.clock.advance(AGE_MIN);
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.live), (1, 2), "accounts stay");
    assert_eq!(desk.balances().await, (30, 30, 70));
    let office = office();
    let all = desk
        .world
        .ledger
        .trial_balance_of_all(&office, &*desk.world.store);
    assert_eq!(
        all.await.expect("adds up").totals.len(),
        1,
        "without what was retired"
    );
    desk.world.audit().await;
}
