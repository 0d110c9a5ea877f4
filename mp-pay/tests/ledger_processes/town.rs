//! The accounts that everything moves between.

use std::{env, sync::Arc};

use mp_core::{
    Caller, Engine, Scope,
    amount::{Amount, Unit},
    clock::SystemClock,
    entropy::SystemEntropy,
    store::Store,
};
use mp_pay::ledger::{AccountId, BookId, Ledger, NewTransfer, OpenAccount, Side, TransferId};
use tokio::task::JoinSet;

use crate::target::Target;

/// Returns how many commands are given in all.
pub(crate) fn commands() -> u64 {
    let asked = env::var("MP_LEDGER_COMMANDS").ok();
    asked.map_or(4_000, |asked| {
        asked.parse().expect("MP_LEDGER_COMMANDS is a number")
    })
}

/// Returns how many books there are: few enough for the processes to meet in them.
pub(crate) fn books() -> u64 {
    (commands() / 80).clamp(48, 400)
}

/// What is in a wallet at the start.
pub(crate) const FUNDS: i64 = 1_000;

/// What is counted: money, and points.
pub(crate) const UNITS: [&str; 2] = ["EUR", "town:points"];

pub(crate) fn unit(number: usize) -> Unit {
    UNITS[number].parse().expect("a unit")
}

pub(crate) fn book(number: u64) -> BookId {
    BookId::new(&format!("b{number}")).expect("a book")
}

/// Returns what somebody has of a unit: it never falls below zero.
pub(crate) fn wallet(number: u64, unit: usize) -> AccountId {
    named(number, "wallet", unit)
}

/// Returns where that came from: it has no bounds.
pub(crate) fn source(number: u64, unit: usize) -> AccountId {
    named(number, "source", unit)
}

fn named(number: u64, name: &str, unit: usize) -> AccountId {
    let account = book(number).account(&format!("{name}-{unit}"));
    account.expect("an account")
}

pub(crate) fn office() -> Caller {
    Caller::app("town".parse().expect("an app")).with_scope(Scope::STAFF)
}

pub(crate) fn engine(store: Arc<dyn Store>) -> Engine {
    Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()))
}

/// Opens every account, and fills the wallets.
pub(crate) async fn open(target: &Target) {
    let ledger = Ledger::new(&engine(target.open().await));
    let mut opening = JoinSet::new();
    for number in 0..books() {
        let ledger = ledger.clone();
        opening.spawn(async move {
            for each in 0..UNITS.len() {
                open_one(&ledger, number, each).await;
            }
        });
    }
    opening.join_all().await;
}

async fn open_one(ledger: &Ledger, number: u64, each: usize) {
    let mut to = OpenAccount::own(wallet(number, each), unit(each), Side::Credit);
    to.least = Some(0);
    let from = OpenAccount::own(source(number, each), unit(each), Side::Debit);
    for account in [to, from] {
        ledger.open(&office(), account).await.expect("opens");
    }
    let amount = Amount::new(FUNDS, unit(each));
    let fund = NewTransfer::of(source(number, each), wallet(number, each), amount);
    let id = TransferId::derived(&["fund", &number.to_string(), UNITS[each]]);
    ledger.transfer(&office(), id, fund).await.expect("funds");
}
