use std::{any::Any, sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Scope, Timestamp,
    amount::{Currency, Money},
    clock::ManualClock,
    entropy::SeededEntropy,
    id::AppId,
    store::{
        Listing, MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
    },
};

use crate::{
    backend::{
        CaptureRequest, ChargeRequest, Charged, DeclineCode, Lookup, LookupRequest, Outcome,
        PaymentBackend,
    },
    intent::IntentId,
    ledger::{
        AccountId, FixedAccounts, Ledger, LedgerBackend, NewTransfer, OpenAccount,
        SettlementAccounts, Side, TransferId,
    },
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
    refund::RefundId,
};

/// A market with Mei's and Bo's wallets of a hundred euro cents each, and a till.
pub(super) struct Scene {
    pub(super) store: Arc<dyn Listing>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) engine: Engine,
    pub(super) ledger: Ledger,
    pub(super) backend: LedgerBackend,
    /// What the store lives in.
    _kept: Box<dyn Any>,
}

impl Scene {
    pub(super) async fn in_memory() -> Self {
        Self::on(Arc::new(MemoryStore::new()), Box::new(())).await
    }

    pub(super) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let store = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
        Self::on(Arc::new(store), Box::new(folder)).await
    }

    pub(super) async fn on_postgres(test: &str) -> Option<Self> {
        let database = throwaway_postgres::database(test).await?;
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let store = Arc::new(store.expect("connects"));
        Some(Self::on(store, Box::new(database)).await)
    }

    async fn on<S: Listing>(store: Arc<S>, kept: Box<dyn Any>) -> Self {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let engine = engine(store.clone(), &clock);
        let ledger = Ledger::new(&engine);
        let scene = Self {
            backend: backend(&engine),
            ledger,
            engine,
            clock,
            store,
            _kept: kept,
        };
        scene.open().await;
        scene
    }

    async fn open(&self) {
        let euro = || Currency::EUR.into();
        let till = OpenAccount::own(account("house/till"), euro(), Side::Credit);
        self.ledger.open(&office(), till).await.expect("opens");
        for user in ["mei", "bo"] {
            let wallet = account(&format!("{user}/wallet"));
            let owner = user.parse().expect("a user");
            let open = OpenAccount::wallet(wallet.clone(), euro(), owner);
            self.ledger.open(&office(), open).await.expect("opens");
            let cash = OpenAccount::own(account(&format!("{user}/cash")), euro(), Side::Debit);
            self.ledger
                .open(&office(), cash.clone())
                .await
                .expect("opens");
            self.moves(user, NewTransfer::of(cash.account, wallet, eur(100)))
                .await;
        }
    }

    pub(super) async fn moves(&self, name: &str, request: NewTransfer) {
        let id = TransferId::derived(&[name]);
        let moved = self.ledger.transfer(&office(), id, request).await;
        moved.expect("moves");
    }

    /// Another process on the same store.
    pub(super) fn another(&self, store: Arc<dyn Store>) -> LedgerBackend {
        backend(&engine(store, &self.clock))
    }

    /// Another process, whose host names the payee like this.
    pub(super) fn naming(&self, accounts: Arc<dyn SettlementAccounts>) -> LedgerBackend {
        let engine = engine(self.store.clone(), &self.clock);
        LedgerBackend::new(&Ledger::new(&engine), accounts)
    }

    pub(super) fn request(&self, cents: i64, capture: bool) -> ChargeRequest {
        ChargeRequest {
            key: key(Step::Charge(1)),
            app: app(),
            payer: "mei".parse().expect("a user"),
            amount: eur(cents),
            payment_method: token("mei/wallet"),
            capture,
        }
    }

    pub(super) async fn charge(&self, cents: i64) -> Outcome {
        let charged = self.backend.charge(&self.request(cents, true)).await;
        charged.expect("is answered")
    }

    pub(super) async fn hold(&self, cents: i64) -> Outcome {
        let held = self.backend.charge(&self.request(cents, false)).await;
        held.expect("is answered")
    }

    pub(super) async fn capture(&self, number: u32, cents: i64) -> Outcome {
        let request = CaptureRequest {
            key: key(Step::Capture(1, number)),
            charge: charged(),
            amount: eur(cents),
            last: true,
        };
        self.backend.capture(&request).await.expect("is answered")
    }

    pub(super) async fn void(&self) -> Outcome {
        let void = key(Step::Void(1, 1));
        let voided = self.backend.void(&void, &charged()).await;
        voided.expect("is answered")
    }

    pub(super) async fn refund(&self, number: u8, cents: i64) -> Outcome {
        let refund = key(refund(number));
        let refunded = self.backend.refund(&refund, &charged(), eur(cents)).await;
        refunded.expect("is answered")
    }

    pub(super) async fn look(&self, step: Step) -> Lookup {
        let found = self
            .backend
            .lookup(&LookupRequest::of(app(), key(step)))
            .await;
        found.expect("is answered")
    }

    /// Returns what Mei has, what she can spend of it, and what is in the till.
    pub(super) async fn balances(&self) -> (i64, i64, i64) {
        let read = async |name| {
            let found = self.ledger.account(&office(), &account(name)).await;
            found.expect("is there")
        };
        let (wallet, till) = (read("mei/wallet").await, read("house/till").await);
        let available = wallet.available().expect("is bounded");
        (wallet.posted(), available, till.posted())
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Demands that the books balance and that nothing is on its way.
    pub(super) async fn audit(&self) {
        let office = office();
        let trial = self.ledger.trial_balance_of_all(&office, &*self.store);
        let trial = trial.await.expect("adds up");
        assert!(trial.is_balanced() && trial.is_settled(), "{trial:#?}");
    }
}

fn engine(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Engine {
    Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
}

fn backend(engine: &Engine) -> LedgerBackend {
    let till = FixedAccounts::paid_into(account("house/till"));
    LedgerBackend::new(&Ledger::new(engine), Arc::new(till))
}

pub(super) fn app() -> AppId {
    "market".parse().expect("an app")
}

pub(super) fn office() -> Caller {
    Caller::app(app()).with_scope(Scope::STAFF)
}

pub(super) fn account(text: &str) -> AccountId {
    text.parse().expect("an account")
}

pub(super) fn token(text: &str) -> PaymentMethodToken {
    PaymentMethodToken::new(text).expect("a token")
}

pub(super) const fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

pub(super) fn key(step: Step) -> OperationKey {
    let intent = IntentId::at(1_700_000_000_000, [9; 10]);
    OperationKey { intent, step }
}

pub(super) fn refund(number: u8) -> Step {
    Step::Refund(RefundId::at(1_700_000_000_000, [number; 10]))
}

pub(super) fn charged() -> Charged {
    Charged::of(app(), key(Step::Charge(1)))
}

pub(super) fn declined(code: &str) -> Outcome {
    Outcome::declined(DeclineCode::new(code).expect("a code"))
}

/// Demands that so much has moved, or is held.
pub(super) fn expect_amount(outcome: &Outcome, cents: i64) {
    assert_eq!(outcome.amount(), Some(eur(cents)), "{outcome:?}");
}
