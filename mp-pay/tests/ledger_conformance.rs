//! The ledger as a backend keeps the backend contract.
#![cfg(feature = "conformance")]

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::SystemClock,
    conformance::{Call, HookedStore, Phase},
    entropy::SystemEntropy,
    id::UserId,
    store::{MemoryStore, Store, StoreErrorKind},
};
use mp_pay::{
    conformance::{BackendFactory, Fault, Joined, Provider},
    ledger::{FixedAccounts, Ledger, LedgerBackend, NewTransfer, OpenAccount, Side},
    method::PaymentMethodToken,
};

mp_pay::backend_conformance!(Ledgers);

#[derive(Debug)]
struct Ledgers;

#[async_trait]
impl BackendFactory for Ledgers {
    async fn open(&self) -> Joined {
        let books: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let office = Office {
            ledger: ledger_on(books.clone()),
            wire: Arc::default(),
        };
        office.open().await;
        let ledger = ledger_on(office.wire.hook_into(books));
        let till = FixedAccounts::paid_into("house/till".parse().expect("an account"));
        let backend = LedgerBackend::new(&ledger, Arc::new(till));
        Joined::new(Arc::new(backend), Arc::new(office))
    }
}

fn ledger_on(store: Arc<dyn Store>) -> Ledger {
    let entropy = Arc::new(SystemEntropy::new());
    Ledger::new(&Engine::new(store, Arc::new(SystemClock), entropy))
}

/// Who sees the books themselves: Mei's wallet, and the till.
#[derive(Debug)]
struct Office {
    ledger: Ledger,
    wire: Arc<Wire>,
}

impl Office {
    fn caller(&self) -> Caller {
        Caller::app(self.app()).with_scope(Scope::STAFF)
    }

    /// Opens the accounts, and puts 1,000 euros into Mei's wallet and into Li's.
    async fn open(&self) {
        let name = |text: &str| text.parse().expect("an account");
        let euros = || Currency::EUR.into();
        let wallet = OpenAccount::wallet(name("mei/wallet"), euros(), self.payer());
        let other = OpenAccount::wallet(name("li/wallet"), euros(), li());
        let bank = OpenAccount::own(name("house/bank"), euros(), Side::Debit);
        let till = OpenAccount::own(name("house/till"), euros(), Side::Credit);
        for account in [&wallet, &other, &bank, &till] {
            let opened = self.ledger.open(&self.caller(), account.clone()).await;
            opened.expect("opens");
        }
        let amount = Money::new(100_000, Currency::EUR);
        for (key, wallet) in [("top-up", wallet), ("top-up-li", other)] {
            let top_up = NewTransfer::of(bank.account.clone(), wallet.account, amount);
            let key = key.parse().expect("a key");
            let id = Ledger::id_of(&self.caller(), &key);
            let moved = self.ledger.transfer(&self.caller(), id, top_up).await;
            moved.expect("moves");
        }
    }
}

#[async_trait]
impl Provider for Office {
    fn accepted(&self) -> PaymentMethodToken {
        PaymentMethodToken::new("mei/wallet").expect("a token")
    }

    fn accepted_in(&self, currency: Currency) -> Option<PaymentMethodToken> {
        (currency == Currency::EUR).then(|| self.accepted())
    }

    fn declined(&self) -> Option<PaymentMethodToken> {
        PaymentMethodToken::new("bo/wallet").ok()
    }

    fn of_another(&self) -> Option<(UserId, PaymentMethodToken)> {
        Some((li(), PaymentMethodToken::new("li/wallet").ok()?))
    }

    fn payer(&self) -> UserId {
        "mei".parse().expect("a user")
    }

    async fn taken(&self, currency: Currency) -> Option<Money> {
        let till = "house/till".parse().ok()?;
        let till = self.ledger.account(&self.caller(), &till).await.ok()?;
        Some(Money::new(till.posted(), currency))
    }

    async fn held(&self, currency: Currency) -> Option<Money> {
        let wallet = "mei/wallet".parse().ok()?;
        let wallet = self.ledger.account(&self.caller(), &wallet).await.ok()?;
        Some(Money::new(wallet.posted() - wallet.available()?, currency))
    }

    async fn requests(&self) -> Option<u64> {
        Some(self.wire.requests.load(Ordering::SeqCst))
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        self.wire.arm(*fault);
        *fault != Fault::Decline
    }
}

fn li() -> UserId {
    "li".parse().expect("a user")
}

/// What is between the backend and its books.
#[derive(Debug, Default)]
struct Wire {
    requests: AtomicU64,
    fault: Mutex<Option<Fault>>,
}

impl Wire {
    fn hook_into(self: &Arc<Self>, books: Arc<dyn Store>) -> Arc<dyn Store> {
        let wire = self.clone();
        let hook = move |call, phase, _: Option<&_>| {
            let wire = wire.clone();
            async move { wire.pass(call, phase).await }
        };
        Arc::new(HookedStore::new(books, hook))
    }

    fn arm(&self, fault: Fault) {
        let mut armed = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        *armed = (fault != Fault::Decline).then_some(fault);
    }

    /// Strikes once, at the call that the fault is about.
    fn strike(&self, call: Call, phase: Phase) -> Option<Fault> {
        let mut armed = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        armed.take_if(|fault| match fault {
            Fault::Refuse => phase == Phase::Before,
            Fault::LoseAnswer => (call, phase) == (Call::Commit, Phase::After),
            _ => (call, phase) == (Call::Commit, Phase::Before),
        })
    }

    async fn pass(&self, call: Call, phase: Phase) -> Result<(), StoreErrorKind> {
        if phase == Phase::Before {
            self.requests.fetch_add(1, Ordering::SeqCst);
        }
        match self.strike(call, phase) {
            Some(Fault::Refuse) => Err(StoreErrorKind::Unavailable),
            Some(Fault::LoseRequest | Fault::LoseAnswer) => Err(StoreErrorKind::Unknown),
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
