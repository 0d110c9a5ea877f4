//! Where everybody pays, and whom.

use std::{env, sync::Arc};

use async_trait::async_trait;
use mp_core::{
    Engine, Error,
    amount::Amount,
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    port::{Fact, Settlement, SettlementKey, SettlementListener},
    store::Store,
    work::{Handler, Worker, WorkerOptions},
};
use mp_pay::{
    Payments, PaymentsSettlement, SandboxBackend,
    ledger::{
        AccountId, FixedAccounts, Ledger, LedgerSettlement, NewTransfer, OpenAccount, Side,
        TransferId,
    },
    method::FixedMethods,
};

use crate::{
    means::Means,
    seat::{CALLS_EACH, payer},
    support::{CLASSES, app, eur, method, staff},
};

pub(crate) const PAYERS: u64 = 12;

/// What is in a wallet at the start, in cents.
pub(crate) const FUNDS: i64 = 500;

/// How many of a thousand answers are lost before the provider acts, and as many after.
const LOSSES: u16 = 40;

/// Returns how many calls are made in all.
pub(crate) fn calls() -> u64 {
    let asked = env::var("MP_SETTLEMENT_CALLS").ok();
    asked.map_or(800, |asked| {
        asked.parse().expect("MP_SETTLEMENT_CALLS is a number")
    })
}

pub(crate) fn seats() -> u64 {
    calls().div_ceil(CALLS_EACH)
}

/// A process's view of everything that is paid with.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) engine: Engine,
    pub(crate) payments: Payments,
    pub(crate) sandbox: SandboxBackend,
    pub(crate) ledger: Ledger,
    by_payments: PaymentsSettlement,
    by_ledger: LedgerSettlement,
}

impl Shop {
    pub(crate) fn on(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let engine = Engine::new(store, clock, Arc::new(SystemEntropy::new()));
        let sandbox = SandboxBackend::on(&engine, &"acme".parse().expect("a name"))
            .with_capabilities(CLASSES[1])
            .with_losses(11, LOSSES);
        let payments = Payments::new(&engine, Arc::new(sandbox.clone()));
        let ledger = Ledger::new(&engine);
        let methods = FixedMethods::everybody(method("pm_ok"))
            .with(payer(0), method("pm_declined"))
            .with(payer(1), method("pm_timeout_after"))
            .with(payer(2), method("pm_timeout_before"));
        let accounts = FixedAccounts::paid_into(till()).from_each("wallet");
        Self {
            by_payments: PaymentsSettlement::new(&payments, Arc::new(methods)),
            by_ledger: LedgerSettlement::new(&ledger, Arc::new(accounts)),
            engine,
            payments,
            sandbox,
            ledger,
        }
    }

    /// Opens every account, and fills the wallets.
    pub(crate) async fn open(store: Arc<dyn Store>) {
        let ledger = Self::on(store, Arc::new(SystemClock)).ledger;
        let unit = || eur(1).currency().into();
        let mut opens = OpenAccount::own(till(), unit(), Side::Credit);
        opens.least = Some(0);
        ledger.open(&staff(), opens).await.expect("opens");
        for number in 0..PAYERS {
            let (wallet, cash) = (wallet(number), account(number, "cash"));
            let opens = OpenAccount::wallet(wallet.clone(), unit(), payer(number));
            ledger.open(&staff(), opens).await.expect("opens");
            let opens = OpenAccount::own(cash.clone(), unit(), Side::Debit);
            ledger.open(&staff(), opens).await.expect("opens");
            let id = TransferId::derived(&["fund", &number.to_string()]);
            let funds = NewTransfer::of(cash, wallet, Amount::new(FUNDS, unit()));
            let funded = ledger.transfer(&staff(), id, funds).await;
            funded.expect("funds");
        }
    }

    pub(crate) fn port(&self, means: Means) -> Arc<dyn Settlement> {
        match means {
            Means::Payments => Arc::new(self.by_payments.clone()),
            Means::StoredValue => Arc::new(self.by_ledger.clone()),
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        let nobody: Arc<dyn SettlementListener> = Arc::new(Nobody);
        let all: [Vec<Arc<dyn Handler>>; 4] = [
            self.payments.handlers(),
            self.ledger.handlers(),
            self.by_payments.handlers(nobody.clone()),
            self.by_ledger.handlers(nobody),
        ];
        Worker::new(&self.engine, WorkerOptions::default()).with(all.concat())
    }

    /// Returns what was taken under a key and not given back, in cents, by the books of whoever moved
    /// it.
    pub(crate) async fn taken(&self, means: Means, key: &SettlementKey) -> Result<i64, Error> {
        match means {
            Means::Payments => self.charged(key).await,
            Means::StoredValue => self.transferred(key).await,
        }
    }

    async fn charged(&self, key: &SettlementKey) -> Result<i64, Error> {
        let intent = PaymentsSettlement::intent_of(&app(), key);
        let movements = self.sandbox.movements(&app()).await?.into_iter();
        let of_this = movements.filter(|it| it.operation.intent == intent);
        Ok(of_this.map(|it| it.amount.minor()).sum())
    }

    async fn transferred(&self, key: &SettlementKey) -> Result<i64, Error> {
        let (book, id) = LedgerSettlement::transfer_of(&app(), key);
        match self.ledger.transfer_of(&staff(), &book, id).await {
            Ok(transfer) if transfer.status.to_string() != "posted" => Ok(0),
            Ok(transfer) => Ok(transfer.posted_amount() - transfer.returned),
            Err(error) if error.code() == "not_found" => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

/// Hears of settlements, and has nothing to do about them.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl SettlementListener for Nobody {
    async fn learnt(&self, _: &Fact) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) fn till() -> AccountId {
    "house/till".parse().expect("an account")
}

pub(crate) fn wallet(number: u64) -> AccountId {
    account(number, "wallet")
}

fn account(number: u64, name: &str) -> AccountId {
    let account = format!("{}/{name}", payer(number));
    account.parse().expect("an account")
}
