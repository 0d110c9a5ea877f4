use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use mp_core::{
    Caller, Engine, Scope, Timestamp,
    amount::{Amount, Unit},
    clock::{Clock, ManualClock},
    conformance::{Call, HookedStore, Phase},
    entropy::SeededEntropy,
    store::{
        Key, Listing, MemoryStore, Partition, PostgresOptions, PostgresStore, Query, Selection,
        SqliteOptions, SqliteStore, StoreErrorKind,
    },
    work::{Worker, WorkerOptions},
};
use mp_pay::ledger::{
    AccountId, BookId, Ledger, LedgerError, Move, NewTransfer, OpenAccount, PostTransfer, Side,
    Transfer, TransferId,
};

use super::unread::unread_once_written;

/// A ledger on a store, and callers.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Listing>,
    pub(crate) ledger: Ledger,
    /// What the store lives in.
    _kept: Box<dyn Any>,
}

impl World {
    pub(crate) fn in_memory() -> Self {
        Self::on(Arc::new(MemoryStore::new()), Box::new(()))
    }

    pub(crate) fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let store = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
        Self::on(Arc::new(store), Box::new(folder))
    }

    pub(crate) async fn on_postgres(test: &str) -> Option<Self> {
        let database = throwaway_postgres::database(test).await?;
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let store = Arc::new(store.expect("connects"));
        Some(Self::on(store, Box::new(database)))
    }

    fn on<S: Listing>(store: Arc<S>, kept: Box<dyn Any>) -> Self {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let entropy = Arc::new(SeededEntropy::new(1));
        let engine = Engine::new(store.clone(), clock.clone(), entropy);
        Self {
            ledger: Ledger::new(&engine),
            engine,
            clock,
            store,
            _kept: kept,
        }
    }

    /// Opens a wallet that may not be overdrawn.
    pub(crate) async fn wallet(&self, user: &str) -> AccountId {
        let account = account(&format!("{user}/wallet"));
        let wallet = OpenAccount::wallet(account.clone(), euro(), user.parse().expect("a user"));
        self.ledger.open(&office(), wallet).await.expect("opens");
        account
    }

    /// Opens an account of the house's without bounds.
    pub(crate) async fn own(&self, name: &str, side: Side) -> AccountId {
        let open = OpenAccount::own(account(name), euro(), side);
        self.ledger
            .open(&office(), open.clone())
            .await
            .expect("opens");
        open.account
    }

    /// Opens a wallet with something in it, in the same book as the money it came from.
    pub(crate) async fn funded(&self, user: &str, minor: i64) -> AccountId {
        let wallet = self.wallet(user).await;
        let cash = self.own(&format!("{user}/cash"), Side::Debit).await;
        let number = format!("fund-{user}");
        self.moves(&number, NewTransfer::of(cash, wallet.clone(), euros(minor)))
            .await
            .expect("funds");
        wallet
    }

    /// Makes a transfer by the office, under an id that the name determines.
    pub(crate) async fn moves(
        &self,
        name: &str,
        request: NewTransfer,
    ) -> Result<Transfer, LedgerError> {
        self.ledger.transfer(&office(), id(name), request).await
    }

    pub(crate) async fn posted(&self, account: &AccountId) -> i64 {
        let found = self.ledger.account(&office(), account).await;
        found.expect("is there").posted()
    }

    pub(crate) async fn available(&self, account: &AccountId) -> i64 {
        let found = self.ledger.account(&office(), account).await;
        found.expect("is there").available().expect("is bounded")
    }

    /// Returns the ledger of a process that commits so often in this book, and never again.
    pub(crate) fn cut_off(&self, book: &'static str, commits: usize) -> Ledger {
        let left = AtomicUsize::new(commits);
        let hook = move |call, phase, partition: Option<&Partition>| {
            let commits = (call, phase) == (Call::Commit, Phase::Before)
                && partition.is_some_and(|it| it.local_id() == book);
            let used = || left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            let fails = commits && used().is_err();
            async move {
                match fails {
                    true => Err(StoreErrorKind::Unavailable),
                    false => Ok(()),
                }
            }
        };
        let store = Arc::new(HookedStore::new(self.engine.store().clone(), hook));
        let entropy = Arc::new(SeededEntropy::new(2));
        Ledger::new(&Engine::new(store, self.clock.clone(), entropy))
    }

    /// Returns the ledger of a process that can read nothing any more once it has committed.
    pub(crate) fn unread(&self) -> Ledger {
        let store = self.engine.store().clone();
        Ledger::new(&unread_once_written(store, &self.clock))
    }

    /// Returns the ledger of a process whose reads are counted.
    pub(crate) fn counted(&self) -> (Ledger, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let count = reads.clone();
        let hook = move |call, phase, _: Option<&Partition>| {
            if (call, phase) == (Call::Read, Phase::Before) {
                count.fetch_add(1, SeqCst);
            }
            async { Ok(()) }
        };
        let store = Arc::new(HookedStore::new(self.engine.store().clone(), hook));
        let entropy = Arc::new(SeededEntropy::new(4));
        let ledger = Ledger::new(&Engine::new(store, self.clock.clone(), entropy));
        (ledger, reads)
    }

    /// Returns the ledger of a process that has read something of a book when somebody else posts a part
    /// of a transfer there.
    pub(crate) fn overtaken(&self, post: PostTransfer) -> Ledger {
        let (ledger, posted) = (self.ledger.clone(), Arc::new(AtomicBool::new(false)));
        let hook = move |call, phase, _: Option<&Partition>| {
            let (ledger, post) = (ledger.clone(), post.clone());
            let reads = (call, phase) == (Call::Read, Phase::After);
            let posts = reads && !posted.swap(true, SeqCst);
            async move {
                if posts {
                    ledger.post(&office(), post).await.expect("posts a part");
                }
                Ok(())
            }
        };
        let store = Arc::new(HookedStore::new(self.engine.store().clone(), hook));
        let entropy = Arc::new(SeededEntropy::new(6));
        Ledger::new(&Engine::new(store, self.clock.clone(), entropy))
    }

    /// Returns the ledger of a process whose clock is ahead by so much.
    pub(crate) fn ahead(&self, by: Duration) -> Ledger {
        let clock = Arc::new(ManualClock::at(self.clock.now().plus(by)));
        let entropy = Arc::new(SeededEntropy::new(7));
        Ledger::new(&Engine::new(self.engine.store().clone(), clock, entropy))
    }

    /// Returns a worker of overdue transfers whose clock is set back by so much as soon as it has
    /// leased one.
    pub(crate) fn set_back(&self, by: Duration) -> Worker {
        let (clock, done) = (self.clock.clone(), AtomicBool::new(false));
        let hook = move |call, phase, _: Option<&Partition>| {
            let leased = (call, phase) == (Call::Due, Phase::After);
            if leased && !done.swap(true, SeqCst) {
                clock.set(clock.now().minus(by));
            }
            async { Ok(()) }
        };
        let store = Arc::new(HookedStore::new(self.engine.store().clone(), hook));
        let entropy = Arc::new(SeededEntropy::new(3));
        let engine = Engine::new(store, self.clock.clone(), entropy);
        let handlers = Ledger::new(&engine).handlers().into_iter();
        let expiry = handlers.filter(|it| it.kind() == "ledger.expire");
        Worker::new(&engine, WorkerOptions::default()).with(expiry)
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::new(&self.engine, WorkerOptions::default()).with(self.ledger.handlers())
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Returns the ledger of a process that has begun something here when its clock goes on by so much,
    /// before it asks the other book.
    pub(crate) fn slow(&self, home: &'static str, by: Duration) -> Ledger {
        let (clock, begun) = (self.clock.clone(), AtomicBool::new(false));
        let hook = move |call, phase, partition: Option<&Partition>| {
            let is_home = partition.is_some_and(|it| it.local_id() == home);
            if (call, phase, is_home) == (Call::Commit, Phase::After, true) {
                begun.store(true, SeqCst);
            }
            let asks = (call, phase, is_home) == (Call::Read, Phase::Before, false);
            if asks && begun.swap(false, SeqCst) {
                clock.advance(by);
            }
            async { Ok(()) }
        };
        let store = Arc::new(HookedStore::new(self.engine.store().clone(), hook));
        let entropy = Arc::new(SeededEntropy::new(5));
        Ledger::new(&Engine::new(store, self.clock.clone(), entropy))
    }

    /// Returns a worker that carries on transfers over several books, and does nothing else.
    pub(crate) fn carrier(&self) -> Worker {
        let handlers = self.ledger.handlers().into_iter();
        let steps = handlers.filter(|it| it.kind() == "ledger.steps");
        Worker::new(&self.engine, WorkerOptions::default()).with(steps)
    }

    /// Returns the keys of a book's records that begin so.
    pub(crate) async fn keys(&self, book: &BookId, prefix: &str) -> Vec<String> {
        let partition = book.partition(office().app_id()).expect("a partition");
        let query = Query {
            select: vec![Selection::Prefix(Key::new(prefix).expect("a prefix"))],
            limit: 10_000,
        };
        let view = self.store.read(&partition, &query).await.expect("reads");
        let keys = view.records.iter().map(|record| record.key.to_string());
        keys.filter(|key| key.starts_with(prefix)).collect()
    }

    /// Demands that the books balance and that no journal is broken that was not retired.
    pub(crate) async fn audit(&self) {
        let office = office();
        let all = self.ledger.trial_balance_of_all(&office, &*self.store);
        let all = all.await.expect("adds up");
        assert!(all.is_balanced(), "{all:#?}");
        assert!(all.is_settled(), "{all:#?}");
        let books = self.ledger.books(&office, &*self.store).await;
        for book in books.expect("lists") {
            let verified = match self.ledger.verify(&office, &book).await {
                Err(error) if error.code() == "archived" => continue,
                verified => verified.expect("verifies"),
            };
            assert_eq!(verified.broken, None, "{book}");
            let trial = self.ledger.trial_balance(&office, &book).await;
            assert!(trial.is_ok_and(|trial| trial.is_balanced()) || verified.entries == 0);
        }
    }
}

pub(crate) fn office() -> Caller {
    Caller::app("market".parse().expect("an app")).with_scope(Scope::STAFF)
}

pub(crate) fn user(name: &str) -> Caller {
    Caller::user(
        "market".parse().expect("an app"),
        name.parse().expect("a user"),
    )
}

pub(crate) fn account(text: &str) -> AccountId {
    text.parse().expect("an account")
}

pub(crate) fn id(name: &str) -> TransferId {
    TransferId::derived(&[name])
}

pub(crate) fn euro() -> Unit {
    "EUR".parse().expect("a unit")
}

pub(crate) fn euros(minor: i64) -> Amount {
    Amount::new(minor, euro())
}

pub(crate) fn each(debit: &AccountId, credit: &AccountId, minor: i64) -> Move {
    Move {
        debit: debit.clone(),
        credit: credit.clone(),
        amount: euros(minor),
    }
}

pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, LedgerError>) -> &'static str {
    answer.expect_err("is refused").code()
}
