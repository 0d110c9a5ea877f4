//! Long runs of random commands: on the pure machine, and on the service over a store that fails.
//! Both end with books that sum to zero. With `MP_FULL` set, and optimised, they are a hundred times
//! as long.

mod ledger_desk;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mp_core::{
    Caller, Engine, Scope, Timestamp,
    amount::{Amount, Currency},
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    entropy::{Entropy, SeededEntropy},
    store::{MemoryStore, StoreErrorKind},
    work::{LEASE, Worker, WorkerOptions},
};
use mp_pay::ledger::{
    AccountId, BookId, Ledger, LedgerError, NamedTransfer, NewTransfer, OpenAccount, PostTransfer,
    Side, TransferId, TransferStatus, TrialBalance,
};

use self::ledger_desk::{ACCOUNTS, Ask, Floor, desk};

/// How many commands the pure machine takes.
const COMMANDS: u64 = 100_000;

/// How many the service takes, each a few commits.
const CALLS: u64 = 3_000;

fn scale() -> u64 {
    if std::env::var_os("MP_FULL").is_some() && !cfg!(debug_assertions) {
        100
    } else {
        1
    }
}

/// Chance that a seed replays.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    fn index(&self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or_default()
    }

    fn amount(&self) -> i64 {
        i64::try_from(self.below(60)).unwrap_or_default() + 1
    }
}

#[test]
fn a_long_run_of_the_pure_machine_sums_to_zero() {
    let (dice, mut floor) = (Dice(SeededEntropy::new(1)), Floor::new(desk()));
    let (mut done, mut refused) = (0_u64, 0_u64);
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for _ in 0..COMMANDS * scale() {
        let one = || (dice.index(ACCOUNTS), dice.index(ACCOUNTS), dice.amount());
        let ask = match dice.below(10) {
            0..3 => Ask::Post(vec![one()]),
            3 => Ask::Post(vec![one(), one(), one()]),
            4..6 => Ask::Hold(vec![one(), one()]),
            6 => Ask::Keep(dice.index(1 << 20), dice.amount()),
            _ => Ask::LetGo(dice.index(1 << 20)),
        };
        match floor.ask(&ask) {
            Ok(()) => done += 1,
            Err(_) => refused += 1,
        }
        floor.kept.clear();
        for entry in floor.desk.take_entries() {
            let posted = mp_pay::ledger::Effect::of(&entry).expect("is known").posted;
            *sums.entry(entry.debit.to_string()).or_default() -= i128::from(posted);
            *sums.entry(entry.credit.to_string()).or_default() += i128::from(posted);
        }
    }
    println!("{done} done, {refused} refused");
    assert!(done > refused / 4 && refused > 0, "both happen");
    assert!(TrialBalance::of(floor.desk.accounts()).is_ok_and(|trial| trial.is_balanced()));
    assert_eq!(sums.values().sum::<i128>(), 0);
    for account in floor.desk.accounts() {
        let model = sums.get(account.id.as_str()).copied().unwrap_or_default();
        let posted = i128::from(account.balance.posted(Side::Credit));
        assert_eq!(posted, model, "{}", account.id);
        assert!(account.available().is_none_or(|available| available >= 0));
        assert!(account.room().is_none_or(|room| room >= 0));
    }
}

const USERS: usize = 5;

struct Town {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    engine: Engine,
    ledger: Ledger,
    healthy: Arc<AtomicBool>,
    dice: Dice,
    made: Vec<(BookId, TransferId)>,
}

impl Town {
    async fn open(seed: u64) -> Self {
        let store = Arc::new(MemoryStore::new());
        let healthy = Arc::new(AtomicBool::new(true));
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let faulty = unsteady(store.clone(), healthy.clone(), seed);
        let engine = Engine::new(faulty, clock.clone(), Arc::new(SeededEntropy::new(seed)));
        let ledger = Ledger::new(&engine);
        for user in 0..USERS {
            for (name, side, least) in [("w", Side::Credit, Some(0)), ("c", Side::Debit, None)] {
                let mut open = OpenAccount::own(account(user, name), Currency::EUR.into(), side);
                open.least = least;
                ledger.open(&office(), open).await.expect("opens");
            }
            let fund = of(account(user, "c"), account(user, "w"), 10_000);
            let id = TransferId::derived(&["fund", &user.to_string()]);
            ledger.transfer(&office(), id, fund).await.expect("funds");
        }
        healthy.store(false, Ordering::SeqCst);
        Self {
            store,
            clock,
            engine,
            ledger,
            healthy,
            dice: Dice(SeededEntropy::new(seed + 1)),
            made: Vec::new(),
        }
    }

    fn worker(&self) -> Worker {
        Worker::new(&self.engine, WorkerOptions::default()).with(self.ledger.handlers())
    }

    async fn call(&mut self, number: u64) -> Result<(), LedgerError> {
        let office = office();
        let id = TransferId::derived(&["call", &number.to_string()]);
        match (self.dice.below(10), self.made.is_empty()) {
            (0..6, _) | (_, true) => {
                let (from, to) = (self.dice.index(USERS), self.dice.index(USERS));
                let to = if from == to {
                    account(to, "c")
                } else {
                    account(to, "w")
                };
                let request = of(account(from, "w"), to, self.dice.amount());
                let request = match self.dice.below(2) {
                    0 => request.pending_for_s(self.dice.below(100) + 1),
                    _ => request,
                };
                self.made.push((account(from, "w").book(), id));
                self.ledger.transfer(&office, id, request).await.map(drop)
            }
            (6..8, _) => {
                let (book, transfer) = self.any();
                let amount = (self.dice.below(2) == 0).then(|| self.dice.amount());
                let post = PostTransfer {
                    book,
                    transfer,
                    amount,
                };
                self.ledger.post(&office, post).await.map(drop)
            }
            (kind, _) => {
                let (book, transfer) = self.any();
                let named = NamedTransfer {
                    book: book.clone(),
                    transfer,
                };
                if kind == 8 {
                    return self.ledger.void(&office, named).await.map(drop);
                }
                self.made.push((book, id));
                self.ledger.reverse(&office, id, named).await.map(drop)
            }
        }
    }

    fn any(&self) -> (BookId, TransferId) {
        let recent = self.made.len().min(20);
        let at = self.made.len() - 1 - self.dice.index(recent);
        self.made[at].clone()
    }

    /// Works until nothing is left, on a store that has recovered.
    async fn settle(&self) {
        self.healthy.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            self.clock.advance(LEASE * 2 + Duration::from_secs(200));
            self.worker().drain().await.expect("works");
        }
        let dead = mp_core::work::DeadLetters::of(&self.engine);
        dead.redrive_all(None).await.expect("redrives");
        self.worker().drain().await.expect("works");
    }

    /// Recomputes every wallet from the transfers alone.
    async fn judge(&self) -> usize {
        let office = office();
        let trial = self
            .ledger
            .trial_balance_of_all(&office, &*self.store)
            .await;
        let trial = trial.expect("adds up");
        assert!(trial.is_balanced() && trial.is_settled(), "{trial:#?}");
        assert!(trial.totals.iter().all(|total| total.debits_pending == 0));
        let (mut posted, mut sums) = (0, BTreeMap::new());
        for (book, id) in &self.made {
            let Ok(found) = self.ledger.transfer_of(&office, book, *id).await else {
                continue;
            };
            assert!(found.status.is_final(), "{found:?}");
            if found.status == TransferStatus::Posted {
                posted += 1;
                let (only, amount) = (&found.moves[0], found.posted_amount());
                *sums.entry(only.debit.clone()).or_insert(0) -= amount;
                *sums.entry(only.credit.clone()).or_insert(0) += amount;
            }
        }
        for user in 0..USERS {
            let wallet = account(user, "w");
            let found = self.ledger.account(&office, &wallet).await.expect("is");
            let model = 10_000 + sums.get(&wallet).copied().unwrap_or_default();
            assert_eq!(found.posted(), model, "{wallet}");
            let verified = self.ledger.verify(&office, &wallet.book()).await;
            assert_eq!(verified.expect("verifies").broken, None);
        }
        posted
    }
}

/// A store of which a call in fifty fails, or acts and loses its answer.
fn unsteady(store: Arc<MemoryStore>, healthy: Arc<AtomicBool>, seed: u64) -> Arc<HookedStore> {
    let dice = Dice(SeededEntropy::new(seed + 2));
    Arc::new(HookedStore::new(store, move |call, phase, _| {
        let fails = !healthy.load(Ordering::SeqCst) && dice.below(50) == 0;
        let writes = matches!(call, Call::Commit | Call::Settle);
        async move {
            match fails {
                false => Ok(()),
                true if writes && phase == Phase::After => Err(StoreErrorKind::Unknown),
                true => Err(StoreErrorKind::Unavailable),
            }
        }
    }))
}

fn office() -> Caller {
    Caller::app("town".parse().expect("an app")).with_scope(Scope::STAFF)
}

fn account(user: usize, name: &str) -> AccountId {
    format!("u{user}/{name}").parse().expect("an account")
}

fn of(debit: AccountId, credit: AccountId, minor: i64) -> NewTransfer {
    NewTransfer::of(debit, credit, Amount::new(minor, Currency::EUR))
}

#[tokio::test(start_paused = true)]
async fn a_long_run_over_a_store_that_fails_sums_to_zero() {
    for seed in 0..scale() {
        let mut town = Town::open(seed * 10).await;
        let mut refused = 0;
        for number in 0..CALLS {
            refused += usize::from(town.call(number).await.is_err());
            town.clock.advance(Duration::from_secs(town.dice.below(5)));
            if number % 50 == 0 {
                let _ = town.worker().drain().await;
            }
        }
        town.settle().await;
        let posted = town.judge().await;
        println!("seed {seed}: {posted} posted, {refused} refused or failed");
        assert!(posted > 500 && refused > 100, "{posted} {refused}");
    }
}
