//! The ledger survives every fault: each call on the store, before it acted, after it, or without
//! anybody knowing, with the process killed, the call failed or the answer lost.
//!
//! Whatever happens, each transfer ends as it would have without the fault, the books sum to zero,
//! nothing is in transit or held, no work is dead, and a feed is told of it once.

mod faults;
mod life;
mod paid;
mod told;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use mp_core::{
    Caller, Engine, Error, ErrorKind, Scope, Timestamp,
    amount::{Currency, Money},
    clock::ManualClock,
    conformance::HookedStore,
    entropy::SeededEntropy,
    feed::Feeds,
    id::AppId,
    port::{SecureRequest, Settlement},
    store::{MemoryStore, Store},
    work::{LEASE, Worker, WorkerOptions},
};
use mp_pay::ledger::{
    AccountId, FixedAccounts, Ledger, LedgerError, LedgerSettlement, Move, NamedTransfer,
    NewTransfer, OpenAccount, PostTransfer, Side, TransferId,
};

use self::{
    faults::{Faults, Mode, Moment, modes},
    life::Life,
};

/// Below this the enumeration has lost its sense.
const CASES_MIN: usize = 2_000;

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
    life: Life,
}

impl World {
    fn new(life: Life, armed: Option<(usize, Mode)>) -> Self {
        let faults = Faults {
            armed,
            ..Faults::default()
        };
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(ManualClock::at(start)),
            faults: Arc::new(faults),
            life,
        }
    }

    fn engine(&self, store: Arc<dyn Store>) -> Engine {
        Engine::new(store, self.clock.clone(), Arc::new(SeededEntropy::new(1)))
    }

    fn faulty(&self) -> HookedStore {
        let faults = self.faults.clone();
        HookedStore::new(self.store.clone(), move |call, phase, _| {
            let faults = faults.clone();
            async move { faults.pass(call, phase).await }
        })
    }

    /// Lives through the life, restarting after a crash, and returns what it passed.
    fn run(&self) -> Result<Vec<Moment>, String> {
        runtime().block_on(self.open());
        while !runtime().block_on(async {
            tokio::select! {
                biased;
                () = self.faults.crashed.notified() => false,
                () = self.live() => true,
            }
        }) {}
        runtime().block_on(self.judge())?;
        let passed = self.faults.passed.lock();
        Ok(passed.unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn open(&self) {
        let ledger = Ledger::new(&self.engine(self.store.clone()));
        for (name, side, least, most) in [
            ("mei/wallet", Side::Credit, Some(0), None),
            ("mei/cash", Side::Debit, None, None),
            ("mei/near", Side::Credit, None, None),
            ("stall/sales", Side::Credit, None, None),
            ("full/fees", Side::Credit, None, Some(5)),
        ] {
            let mut open = OpenAccount::own(account(name), Currency::EUR.into(), side);
            (open.least, open.most) = (least, most);
            open.owner = (name == "mei/wallet").then(|| "mei".parse().expect("a user"));
            ledger.open(&office(), open).await.expect("opens");
        }
        let fund = of("mei/cash", "mei/wallet", 100);
        let fund = ledger.transfer(&office(), id("fund"), fund).await;
        fund.expect("funds");
    }

    fn worker(&self, engine: &Engine, ledger: &Ledger) -> Worker {
        Worker::new(engine, WorkerOptions::default())
            .with(Feeds::new(engine).handlers())
            .with(ledger.handlers())
            .with(paid::payments(engine, ledger).handlers())
    }

    async fn live(&self) {
        let engine = self.engine(Arc::new(self.faulty()));
        let ledger = Ledger::new(&engine).with_feed(told::journal());
        let worker = self.worker(&engine, &ledger);
        // A failure is an outage that the caller outlives.
        while let Err(error) = self.play(&engine, &ledger).await {
            let transient = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unknown);
            assert!(transient, "{:?}: {error}", self.life);
            self.clock.advance(Duration::from_secs(1));
        }
        if self.life == Life::Expire {
            self.clock.advance(Duration::from_secs(3_600));
        }
        for _ in 0..3 {
            let _ = worker.drain().await;
            self.clock.advance(LEASE * 2);
        }
    }

    async fn play(&self, engine: &Engine, ledger: &Ledger) -> Result<(), Error> {
        let near = matches!(self.life, Life::NearPost | Life::NearVoid);
        let to = if near { "mei/near" } else { "stall/sales" };
        let plain = of("mei/wallet", to, 60);
        let request = match self.life {
            Life::Transfer | Life::Reverse => plain,
            Life::Refused => of("mei/wallet", "full/fees", 60),
            Life::Linked => NewTransfer::linked(
                [plain, of("mei/wallet", "mei/near", 10)].map(|it| it.moves[0].clone()),
            ),
            Life::Settle => return self.settle(ledger).await,
            Life::Paid | Life::Captured | Life::Canceled => {
                return paid::pay(&paid::payments(engine, ledger), self.life).await;
            }
            _ => plain.pending_for_s(3_600),
        };
        let made = ledger.transfer(&office(), id("it"), request).await?;
        let named = NamedTransfer {
            book: made.home.clone(),
            transfer: made.id,
        };
        match self.life {
            Life::PostPart | Life::NearPost => {
                let post = PostTransfer {
                    book: made.home,
                    transfer: made.id,
                    amount: (self.life == Life::PostPart).then_some(20),
                };
                on_its_way(ledger.post(&office(), post).await)
            }
            Life::Void | Life::NearVoid => on_its_way(ledger.void(&office(), named).await),
            Life::Reverse => on_its_way(ledger.reverse(&office(), id("back"), named).await),
            _ => Ok(()),
        }
    }

    async fn settle(&self, ledger: &Ledger) -> Result<(), Error> {
        let settlement = LedgerSettlement::new(ledger, accounts());
        let (app, key) = (app(), "gb_1".parse()?);
        let request = SecureRequest {
            app: app.clone(),
            payer: "mei".parse().expect("a user"),
            amount: Money::new(60, Currency::EUR),
            deadline: Timestamp::from_micros(1_800_000_600_000_000),
            key,
        };
        let key = request.key.clone();
        match settlement.secure(&request).await? {
            mp_core::port::Secured::Secured => {}
            mp_core::port::Secured::Unknown => return Err(later()),
            other => panic!("{other:?}"),
        }
        match settlement.settle(&app, &key).await? {
            mp_core::port::Settled::Settled => {}
            mp_core::port::Settled::Unknown => return Err(later()),
            other => panic!("{other:?}"),
        }
        let amount = Money::new(25, Currency::EUR);
        settlement
            .give_back(&app, &key, &"part".parse()?, amount)
            .await
    }

    /// Lets a healthy process finish what is left, then looks at everything.
    async fn judge(&self) -> Result<(), String> {
        let engine = self.engine(self.store.clone());
        let ledger = Ledger::new(&engine);
        let worker = self.worker(&engine, &ledger);
        self.clock.advance(LEASE * 2);
        worker.drain().await.map_err(|error| error.to_string())?;
        let dead = worker.dead(1).await.map_err(|error| error.to_string())?;
        if !dead.is_empty() {
            return Err(format!("a dead letter: {dead:?}"));
        }
        let trial = ledger.trial_balance_of_all(&office(), &*self.store).await;
        let trial = trial.map_err(|error| error.to_string())?;
        let held = trial.totals.iter().any(|total| total.debits_pending != 0);
        if !trial.is_balanced() || !trial.is_settled() || held {
            return Err(format!("the books are {trial:#?}"));
        }
        let mut ends = [0; 3];
        let names = ["mei/wallet", "stall/sales", "mei/near"];
        for (end, name) in ends.iter_mut().zip(names) {
            let found = ledger.account(&office(), &account(name)).await;
            *end = found.map_err(|error| error.to_string())?.posted();
        }
        let (wallet, stall, near) = self.life.end();
        if ends != [wallet, stall, near] {
            return Err(format!("it ends at {ends:?}"));
        }
        told::judge(&engine, self.life).await?;
        for book in ["mei", "stall"] {
            let book = book.parse().expect("a book");
            let verified = ledger.verify(&office(), &book).await;
            let verified = verified.map_err(|error| error.to_string())?;
            if verified.broken.is_some() {
                return Err(format!("{verified:?}"));
            }
        }
        Ok(())
    }
}

/// Takes what is not yet where it can be reversed for an outage: it is on its way there.
fn on_its_way<T>(answer: Result<T, LedgerError>) -> Result<(), Error> {
    match answer {
        Ok(_) => Ok(()),
        Err(LedgerError::UnexpectedStatus { status, .. } | LedgerError::NotPosted { status })
            if !status.is_final() =>
        {
            Err(later())
        }
        Err(error) => Err(error.into()),
    }
}

fn later() -> Error {
    Error::new(ErrorKind::Unavailable, "later", "it is on its way")
}

/// Everybody pays from a wallet into the stall's sales.
fn accounts() -> Arc<FixedAccounts> {
    Arc::new(FixedAccounts::paid_into(account("stall/sales")).from_each("wallet"))
}

fn app() -> AppId {
    "market".parse().expect("an app")
}

fn office() -> Caller {
    Caller::app(app()).with_scope(Scope::STAFF)
}

fn account(text: &str) -> AccountId {
    text.parse().expect("an account")
}

fn id(name: &str) -> TransferId {
    TransferId::derived(&[name])
}

fn of(debit: &str, credit: &str, minor: i64) -> NewTransfer {
    NewTransfer::linked([Move {
        debit: account(debit),
        credit: account(credit),
        amount: Money::new(minor, Currency::EUR).into(),
    }])
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

#[test]
fn after_any_single_fault_a_transfer_ends_as_without_it() {
    let (mut cases, mut problems) = (0, Vec::new());
    for life in Life::ALL {
        let moments = World::new(life, None).run();
        let moments = moments.unwrap_or_else(|problem| panic!("{life:?}: {problem}"));
        for (number, moment) in moments.into_iter().enumerate() {
            for mode in modes(moment) {
                cases += 1;
                if let Err(problem) = World::new(life, Some((number, *mode))).run() {
                    problems.push(format!(
                        "{life:?}, {mode:?} at {number} {moment:?}: {problem}"
                    ));
                }
            }
        }
    }
    println!("{cases} single faults");
    assert!(cases >= CASES_MIN, "only {cases} cases");
    assert!(
        problems.is_empty(),
        "{}: {:#?}",
        problems.len(),
        problems.first()
    );
}
