use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, Scope, Timestamp,
    amount::{Amount, Unit},
    clock::ManualClock,
    conformance::{Call, HookedStore, Phase},
    document,
    entropy::SeededEntropy,
    retention::{AGE_MIN, Archive, Archived},
    store::{MemoryStore, StoreErrorKind},
    work::{DeadLetters, LEASE, Worker, WorkerOptions},
};
use mp_pay::ledger::{
    AccountId, BookId, Ledger, LedgerError, Move, NamedTransfer, NewTransfer, OpenAccount,
    PostTransfer, Side, Transfer, TransferId, TransferStatus,
};

use super::dice::Dice;

const USERS: usize = 5;

/// What is counted, with the names of a user's two accounts: what is spent, and where it came from.
const UNITS: [(&str, [&str; 2]); 2] = [("EUR", ["w", "c"]), ("town:points", ["p", "q"])];

/// Transfers as they were when they were closed.
#[derive(Debug, Default)]
struct Attic(Mutex<BTreeMap<TransferId, Transfer>>);

#[async_trait]
impl Archive for Attic {
    async fn keep(&self, aggregates: Vec<Archived>, _: Timestamp) -> Result<String, Error> {
        let records = aggregates.iter().flat_map(|it| &it.records);
        for record in records.filter(|it| it.key.as_str().starts_with("x/")) {
            let (transfer, _) = document::decode::<Transfer>(&record.value)?;
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(transfer.id, transfer);
        }
        Ok("attic".to_owned())
    }
}

impl Attic {
    fn get(&self, id: TransferId) -> Option<Transfer> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&id).cloned()
    }
}

pub(crate) struct Town {
    store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    engine: Engine,
    ledger: Ledger,
    healthy: Arc<AtomicBool>,
    pub(crate) dice: Dice,
    made: Vec<(BookId, TransferId)>,
    attic: Attic,
}

impl Town {
    pub(crate) async fn open(seed: u64) -> Self {
        let store = Arc::new(MemoryStore::new());
        let healthy = Arc::new(AtomicBool::new(true));
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let faulty = unsteady(store.clone(), healthy.clone(), seed);
        let engine = Engine::new(faulty, clock.clone(), Arc::new(SeededEntropy::new(seed)));
        let ledger = Ledger::new(&engine);
        for (user, unit) in every_unit_of_every_user() {
            for (place, side, least) in [(0, Side::Credit, Some(0)), (1, Side::Debit, None)] {
                let name = account(user, unit, place);
                let mut open = OpenAccount::own(name, counted(unit), side);
                open.least = least;
                ledger.open(&office(), open).await.expect("opens");
            }
            let fund = moves(unit, [(user, 1), (user, 0)], 10_000);
            let id = TransferId::derived(&["fund", &user.to_string(), &unit.to_string()]);
            let fund = NewTransfer::linked([fund]);
            let funded = ledger.transfer(&office(), id, fund).await;
            funded.expect("funds");
        }
        healthy.store(false, Ordering::SeqCst);
        Self {
            store,
            clock,
            engine,
            ledger,
            healthy,
            dice: Dice::new(seed + 1),
            made: Vec::new(),
            attic: Attic::default(),
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::new(&self.engine, WorkerOptions::default()).with(self.ledger.handlers())
    }

    pub(crate) async fn call(&mut self, number: u64) -> Result<(), LedgerError> {
        let office = office();
        let id = TransferId::derived(&["call", &number.to_string()]);
        match (self.dice.below(10), self.made.is_empty()) {
            (0..6, _) | (_, true) => {
                let from = self.dice.index(USERS);
                let count = if self.dice.below(4) == 0 { 2 } else { 1 };
                let request = NewTransfer::linked((0..count).map(|_| self.any_move(from)));
                let request = match self.dice.below(2) {
                    0 => request.pending_for_s(self.dice.below(100) + 1),
                    _ => request,
                };
                self.made.push((account(from, 0, 0).book(), id));
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

    /// Returns a move out of what a user has, to somebody else or back to where it came from.
    fn any_move(&self, from: usize) -> Move {
        let (unit, to) = (self.dice.index(UNITS.len()), self.dice.index(USERS));
        let place = usize::from(from == to);
        moves(unit, [(from, 0), (to, place)], self.dice.amount())
    }

    fn any(&self) -> (BookId, TransferId) {
        let recent = self.made.len().min(20);
        let at = self.made.len() - 1 - self.dice.index(recent);
        self.made[at].clone()
    }

    /// Works until nothing is left, on a store that has recovered.
    pub(crate) async fn settle(&self) {
        self.healthy.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            self.clock.advance(LEASE * 2 + Duration::from_secs(200));
            self.worker().drain().await.expect("works");
        }
        let dead = DeadLetters::of(&self.engine);
        dead.redrive_all(None).await.expect("redrives");
        self.worker().drain().await.expect("works");
    }

    /// Lets a week pass, and then closes what can be closed; returns how many entries that were.
    pub(crate) async fn pass_a_week(&self) -> u64 {
        for _ in 0..3 {
            self.clock.advance(LEASE * 2);
            let _ = self.worker().drain().await;
        }
        self.clock.advance(AGE_MIN * 3);
        let mut closed = 0;
        for user in 0..USERS {
            let book = account(user, 0, 0).book();
            // As often as it takes on a store that fails.
            for _ in 0..20 {
                let office = office();
                let some = self.ledger.close(&office, &book, AGE_MIN, &self.attic);
                closed += some.await.unwrap_or_default();
            }
        }
        closed
    }

    /// Returns a transfer as it stands, or stood when it was closed; `None` if it was never begun.
    async fn found(&self, book: &BookId, id: TransferId) -> Option<Transfer> {
        match self.ledger.transfer_of(&office(), book, id).await {
            Err(error) if error.code() == "not_found" => self.attic.get(id),
            found => Some(found.expect("reads")),
        }
    }

    /// Recomputes every account that is spent from, from the transfers alone.
    pub(crate) async fn judge(&self) -> usize {
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
            let Some(found) = self.found(book, *id).await else {
                continue;
            };
            assert!(found.status.is_final(), "{found:?}");
            if found.status == TransferStatus::Posted {
                posted += 1;
                for each in &found.moves {
                    let amount = found.posted_part.unwrap_or(each.amount.minor());
                    *sums.entry(each.debit.clone()).or_insert(0) -= amount;
                    *sums.entry(each.credit.clone()).or_insert(0) += amount;
                }
            }
        }
        for (user, unit) in every_unit_of_every_user() {
            let spent = account(user, unit, 0);
            let found = self.ledger.account(&office, &spent).await.expect("is");
            let model = 10_000 + sums.get(&spent).copied().unwrap_or_default();
            assert_eq!(found.posted(), model, "{spent}");
            let verified = self.ledger.verify(&office, &spent.book()).await;
            assert_eq!(verified.expect("verifies").broken, None);
        }
        posted
    }
}

/// A store of which a call in fifty fails, or acts and loses its answer.
fn unsteady(store: Arc<MemoryStore>, healthy: Arc<AtomicBool>, seed: u64) -> Arc<HookedStore> {
    let dice = Dice::new(seed + 2);
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

fn every_unit_of_every_user() -> impl Iterator<Item = (usize, usize)> {
    (0..USERS).flat_map(|user| (0..UNITS.len()).map(move |unit| (user, unit)))
}

fn counted(unit: usize) -> Unit {
    UNITS[unit].0.parse().expect("a unit")
}

fn account(user: usize, unit: usize, place: usize) -> AccountId {
    let name = UNITS[unit].1[place];
    format!("u{user}/{name}").parse().expect("an account")
}

fn moves(unit: usize, [from, to]: [(usize, usize); 2], minor: i64) -> Move {
    Move {
        debit: account(from.0, unit, from.1),
        credit: account(to.0, unit, to.1),
        amount: Amount::new(minor, counted(unit)),
    }
}
