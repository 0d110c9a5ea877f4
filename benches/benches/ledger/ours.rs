use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mp_benches::{Load, Throughput};
use mp_core::{
    Caller, Engine, Scope,
    amount::{Amount, Currency},
    clock::SystemClock,
    entropy::SystemEntropy,
    store::Store,
};
use mp_pay::ledger::{AccountId, Ledger, NewTransfer, OpenAccount, Side, TransferId};
use tokio::runtime::Runtime;

/// How many books the spread transfers go to.
const BOOKS: u64 = 512;

/// A ledger with a merchant's book, through which everything goes, and many others.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    ledger: Ledger,
    caller: Caller,
    turns: Arc<AtomicU64>,
}

impl Books {
    pub(crate) async fn open(store: Arc<dyn Store>) -> Self {
        let engine = Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
        let books = Self {
            ledger: Ledger::new(&engine),
            caller: Caller::app("market".parse().expect("an app")).with_scope(Scope::STAFF),
            turns: Arc::new(AtomicU64::new(0)),
        };
        for book in 0..=BOOKS {
            for (name, side) in [("cash", Side::Debit), ("sales", Side::Credit)] {
                let open = OpenAccount::own(account(book, name), Currency::EUR.into(), side);
                let opened = books.ledger.open(&books.caller, open).await;
                opened.expect("opens");
            }
        }
        books
    }

    pub(crate) fn run(&self, runtime: &Runtime, load: Load, hot: bool) -> Throughput {
        let books = self.clone();
        load.run(runtime, move |_, _| {
            let books = books.clone();
            async move { books.transfer(hot).await }
        })
    }

    async fn transfer(&self, hot: bool) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let book = if hot { BOOKS } else { turn % BOOKS };
        let (debit, credit) = (account(book, "cash"), account(book, "sales"));
        let request = NewTransfer::of(debit, credit, Amount::new(1, Currency::EUR));
        let id = TransferId::from_bytes(u128::from(turn).to_be_bytes());
        let made = self.ledger.transfer(&self.caller, id, request).await;
        made.expect("moves");
    }
}

fn account(book: u64, name: &str) -> AccountId {
    format!("stall-{book}/{name}").parse().expect("an account")
}
