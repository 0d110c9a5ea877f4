//! The ledger keeps the backend contract as the kit tries it, on every store.
#![cfg(feature = "conformance")]

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, Scope,
    amount::{Amount, Currency, Money},
    clock::SystemClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SystemEntropy,
    id::{AppId, UserId},
    store::{
        MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
        StoreErrorKind,
    },
};
use mp_pay::{
    conformance::{BackendFactory, Fault, Joined, Provider, check_all},
    ledger::{
        AccountId, Ledger, LedgerBackend, NewTransfer, OpenAccount, STORED_VALUE,
        SettlementAccounts, Side, TransferId,
    },
    method::PaymentMethodToken,
};

/// What the kit pays in.
const CURRENCIES: [&str; 16] = [
    "EUR", "USD", "CNY", "JPY", "KRW", "CLP", "XOF", "UGX", "ISK", "MGA", "HUF", "TWD", "KWD",
    "BHD", "TND", "MRU",
];

/// More than 1,000 units of any of them.
const FUNDS: i64 = 10_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_keeps_the_contract_in_memory() {
    keeps_the_contract(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_keeps_the_contract_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let store = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
    keeps_the_contract(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_keeps_the_contract_on_postgres() {
    let Some(database) = throwaway_postgres::database("the ledger as a backend").await else {
        return;
    };
    let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
    keeps_the_contract(Arc::new(store.expect("connects"))).await;
}

async fn keeps_the_contract(store: Arc<dyn Store>) {
    let opened = AtomicU64::new(0);
    let report = check_all(&Markets { store, opened }).await;
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

/// Makes markets on one store, each an app of its own.
#[derive(Debug)]
struct Markets {
    store: Arc<dyn Store>,
    opened: AtomicU64,
}

#[async_trait]
impl BackendFactory for Markets {
    async fn open(&self) -> Joined {
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        let app: AppId = format!("kit-{number}").parse().expect("an app");
        let books = Ledger::new(&engine(self.store.clone()));
        let wire = Arc::new(Wire::default());
        let market = Market { app, books, wire };
        market.open().await;
        let ledger = Ledger::new(&engine(market.wire.clone().before(self.store.clone())));
        let backend = LedgerBackend::new(&ledger, Arc::new(ByCurrency));
        Joined::new(Arc::new(backend), Arc::new(market))
    }
}

fn engine(store: Arc<dyn Store>) -> Engine {
    Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()))
}

/// An account of each currency for the payer and the payee.
#[derive(Debug)]
struct ByCurrency;

#[async_trait]
impl SettlementAccounts for ByCurrency {
    async fn payer(
        &self,
        _: &AppId,
        payer: &UserId,
        currency: Currency,
    ) -> Result<Option<AccountId>, Error> {
        Ok(Some(account(payer.as_str(), currency)))
    }

    async fn payee(&self, _: &AppId, currency: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(account("till", currency)))
    }
}

fn account(book: &str, currency: Currency) -> AccountId {
    let name = format!("{book}/{}", currency.code());
    name.parse().expect("an account")
}

/// The accounts behind a backend, and what is between it and them.
#[derive(Debug)]
struct Market {
    app: AppId,
    books: Ledger,
    wire: Arc<Wire>,
}

impl Market {
    fn office(&self) -> Caller {
        Caller::app(self.app.clone()).with_scope(Scope::STAFF)
    }

    async fn open(&self) {
        let office = self.office();
        for currency in CURRENCIES
            .iter()
            .filter_map(|code| Currency::new(code).ok())
        {
            let (wallet, till) = (account("payer", currency), account("till", currency));
            let source = account("source", currency);
            let mut open = vec![
                OpenAccount::wallet(wallet.clone(), currency.into(), self.payer()),
                OpenAccount::own(till, currency.into(), Side::Credit),
                OpenAccount::own(source.clone(), currency.into(), Side::Debit),
            ];
            if currency == Currency::EUR {
                let empty = "payer/empty".parse().expect("an account");
                open.push(OpenAccount::wallet(empty, currency.into(), self.payer()));
            }
            for account in open {
                self.books.open(&office, account).await.expect("opens");
            }
            let amount = Amount::new(FUNDS, currency);
            let fund = NewTransfer::of(source, wallet, amount);
            let id = TransferId::derived(&["fund", currency.code()]);
            self.books.transfer(&office, id, fund).await.expect("funds");
        }
    }

    async fn balance(&self, book: &str, currency: Currency) -> Option<mp_pay::ledger::Account> {
        let account = account(book, currency);
        self.books.account(&self.office(), &account).await.ok()
    }
}

#[async_trait]
impl Provider for Market {
    fn accepted(&self) -> PaymentMethodToken {
        PaymentMethodToken::new(STORED_VALUE).expect("a token")
    }

    fn declined(&self) -> Option<PaymentMethodToken> {
        PaymentMethodToken::new("payer/empty").ok()
    }

    fn app(&self) -> AppId {
        self.app.clone()
    }

    async fn taken(&self, currency: Currency) -> Option<Money> {
        let till = self.balance("till", currency).await?;
        Some(Money::new(till.posted(), currency))
    }

    async fn held(&self, currency: Currency) -> Option<Money> {
        let wallet = self.balance("payer", currency).await?;
        Some(Money::new(wallet.balance.debits_pending, currency))
    }

    async fn requests(&self) -> Option<u64> {
        Some(self.wire.commits.load(Ordering::SeqCst))
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        let known = !matches!(fault, Fault::Decline);
        if known {
            *self.wire.next() = Some(*fault);
        }
        known
    }
}

/// The way from the backend to its store, where commits are counted and go wrong.
#[derive(Debug, Default)]
struct Wire {
    commits: AtomicU64,
    next: Mutex<Option<Fault>>,
}

impl Wire {
    fn next(&self) -> std::sync::MutexGuard<'_, Option<Fault>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before(self: Arc<Self>, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(HookedStore::new(store, move |call, phase, _| {
            let wire = self.clone();
            async move {
                match call {
                    Call::Commit => wire.pass(phase).await,
                    _ => Ok(()),
                }
            }
        }))
    }

    async fn pass(&self, phase: Phase) -> Result<(), StoreErrorKind> {
        if phase == Phase::Before {
            self.commits.fetch_add(1, Ordering::SeqCst);
        }
        let fault = self.next().take();
        match (fault, phase) {
            (Some(Fault::LoseRequest), Phase::Before) | (Some(Fault::LoseAnswer), Phase::After) => {
                Err(StoreErrorKind::Unknown)
            }
            (Some(Fault::Refuse), Phase::Before) => Err(StoreErrorKind::Unavailable),
            (Some(Fault::Delay(time)), Phase::Before) => {
                tokio::time::sleep(time.min(Duration::from_secs(5))).await;
                Ok(())
            }
            (later, _) => {
                *self.next() = later;
                Ok(())
            }
        }
    }
}
