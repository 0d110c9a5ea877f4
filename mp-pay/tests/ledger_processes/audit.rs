//! What must be true once nobody runs any more, told from the ledger alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mp_core::{
    Engine, Error,
    clock::{Clock, ManualClock, SystemClock},
    entropy::SystemEntropy,
    store::Listing,
    work::{LEASE, Worker, WorkerOptions},
};
use mp_pay::ledger::{
    AccountId, Act, Ledger, LedgerError, ReadStatement, Side, Transfer, TransferId, TransferStatus,
};
use tokio::task::JoinSet;

use crate::{
    order::Order,
    parent::Done,
    target::Target,
    town::{FUNDS, UNITS, book, books, office, source, wallet},
};

/// Lets what is due be done, and looks at everything. Returns what was found, in words.
pub(crate) async fn audit(target: &Target, done: &Done) -> Result<String, String> {
    let store = target.open().await;
    // The leases of those that were killed are over, and what was pending is.
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let engine = Engine::new(store.clone(), clock.clone(), Arc::new(SystemEntropy::new()));
    let ledger = Ledger::new(&engine);
    let worker = Worker::new(&engine, WorkerOptions::default()).with(ledger.handlers());
    for _ in 0..4 {
        clock.advance(LEASE * 2 + Duration::from_secs(10));
        worker.drain().await.map_err(told)?;
    }
    let dead = worker.dead(1).await.map_err(told)?;
    if !dead.is_empty() {
        return Err(format!("a dead letter: {dead:?}"));
    }
    let audit = Audit { ledger, store };
    audit.zero().await?;
    audit.whole().await?;
    audit.acknowledged(done).await
}

struct Audit {
    ledger: Ledger,
    store: Arc<dyn Listing>,
}

impl Audit {
    /// Demands that every unit sums to zero, and that nothing is pending or in transit.
    async fn zero(&self) -> Result<(), String> {
        let office = office();
        let trial = self.ledger.trial_balance_of_all(&office, &*self.store);
        let trial = trial.await.map_err(told)?;
        let pending = trial.totals.iter().any(|total| total.debits_pending != 0);
        if trial.totals.len() != UNITS.len()
            || !trial.is_balanced()
            || !trial.is_settled()
            || pending
        {
            return Err(format!("the books come to {:#?}", trial.totals));
        }
        Ok(())
    }

    /// Demands that no journal is broken, and that nothing in one happened twice.
    async fn whole(&self) -> Result<(), String> {
        let mut looking = JoinSet::new();
        for number in 0..books() {
            let ledger = self.ledger.clone();
            looking.spawn(async move { book_is_whole(&ledger, number).await });
        }
        all_right(looking).await.map(drop)
    }

    /// Demands that what was told is so, and recomputes every account from the transfers alone.
    async fn acknowledged(&self, done: &Done) -> Result<String, String> {
        let told: Vec<(u64, bool)> = done.answers.iter().map(|(at, made)| (*at, *made)).collect();
        let mut looking = JoinSet::new();
        for some in told.chunks(1_000) {
            let (ledger, some) = (self.ledger.clone(), some.to_vec());
            looking.spawn(async move { found_of(&ledger, &some).await });
        }
        let found: Vec<Transfer> = all_right(looking).await?.concat();
        reversed_exactly(&found)?;
        let mut sums: BTreeMap<AccountId, i64> = BTreeMap::new();
        let mut by_status: BTreeMap<String, u32> = BTreeMap::new();
        for transfer in &found {
            *by_status.entry(transfer.status.to_string()).or_default() += 1;
            count(transfer, &mut sums);
        }
        for number in 0..books() {
            for unit in 0..UNITS.len() {
                self.comes_to(&wallet(number, unit), FUNDS, &sums).await?;
                self.comes_to(&source(number, unit), -FUNDS, &sums).await?;
            }
        }
        let refused = told.iter().filter(|(_, made)| !made).count();
        Ok(format!("{by_status:?}, {refused} refused"))
    }

    async fn comes_to(
        &self,
        account: &AccountId,
        funds: i64,
        sums: &BTreeMap<AccountId, i64>,
    ) -> Result<(), String> {
        let found = self
            .ledger
            .account(&office(), account)
            .await
            .map_err(told)?;
        let sum = funds + sums.get(account).copied().unwrap_or_default();
        let has = found.balance.posted(Side::Credit);
        if has != sum || found.available().is_some_and(|available| available < 0) {
            return Err(format!("{account} has {has}, and its transfers make {sum}"));
        }
        Ok(())
    }
}

/// Returns what all have found, or the first breach.
async fn all_right<T: 'static>(mut looking: JoinSet<Result<T, String>>) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    while let Some(one) = looking.join_next().await {
        found.push(one.expect("no panic")?);
    }
    Ok(found)
}

async fn book_is_whole(ledger: &Ledger, number: u64) -> Result<(), String> {
    let verified = ledger.verify(&office(), &book(number)).await;
    let verified = verified.map_err(told)?;
    if verified.broken.is_some() {
        return Err(format!("{}: {verified:?}", book(number)));
    }
    for unit in 0..UNITS.len() {
        moved_once(ledger, &wallet(number, unit)).await?;
    }
    Ok(())
}

/// Demands that an account has no two entries for the same act of the same transfer.
async fn moved_once(ledger: &Ledger, account: &AccountId) -> Result<(), String> {
    let mut seen: BTreeSet<(TransferId, String)> = BTreeSet::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let request = ReadStatement {
            account: account.clone(),
            after: from,
        };
        let page = ledger.statement(&office(), request).await.map_err(told)?;
        for line in page.lines.iter().filter(|line| line.act != Act::Undone) {
            if !seen.insert((line.transfer, line.act.to_string())) {
                return Err(format!("{account} has twice {line:?}"));
            }
        }
        after = page.next;
    }
    Ok(())
}

/// Returns the transfers that were acknowledged, and demands that there are those alone.
async fn found_of(ledger: &Ledger, told: &[(u64, bool)]) -> Result<Vec<Transfer>, String> {
    let mut all = Vec::new();
    for (number, made) in told {
        let order = Order::of(*number);
        let Some(id) = order.id(*number) else {
            continue;
        };
        let found = ledger.transfer_of(&office(), &order.home(), id).await;
        match (found, made) {
            (Ok(transfer), true) => {
                check(&order, &transfer)?;
                all.push(transfer);
            }
            (Err(error), false) if error.code() == "not_found" => {}
            (found, made) => return Err(format!("{number} was told {made}: {found:?}")),
        }
    }
    Ok(all)
}

/// Demands that a transfer asks for what its number does, and has come to its end.
fn check(order: &Order, transfer: &Transfer) -> Result<(), String> {
    let same = match order {
        Order::Transfer(asked) => asked.moves == transfer.moves,
        Order::Reverse { of } => transfer.reverses == Some(crate::order::id(*of)),
        _ => false,
    };
    if same && transfer.status.is_final() {
        return Ok(());
    }
    Err(format!("{order:?} came to {transfer:?}"))
}

/// Demands that each reversal moves back what was posted, no more and no less.
fn reversed_exactly(all: &[Transfer]) -> Result<(), String> {
    let by_id: BTreeMap<TransferId, &Transfer> = all.iter().map(|it| (it.id, it)).collect();
    for reversal in all {
        let Some(of) = reversal.reverses else {
            continue;
        };
        let posted = by_id.get(&of).map(|original| original.posted_amount());
        if posted != Some(reversal.moves[0].amount.minor()) {
            return Err(format!("of {posted:?} goes back {reversal:?}"));
        }
    }
    Ok(())
}

fn count(transfer: &Transfer, sums: &mut BTreeMap<AccountId, i64>) {
    if transfer.status == TransferStatus::Posted {
        let (only, amount) = (&transfer.moves[0], transfer.posted_amount());
        *sums.entry(only.debit.clone()).or_default() -= amount;
        *sums.entry(only.credit.clone()).or_default() += amount;
    }
}

fn told(error: impl Into<LedgerError>) -> String {
    Error::from(error.into()).to_string()
}
