//! The crate `doubleentry`, which keeps a Merkle log of its entries, on PostgreSQL.
//!
//! Its store serialises every write of a ledger under one advisory lock, so that a hot account and
//! many are the same to it: all its transfers go through one pair of accounts. It commits each entry
//! by itself; who gathers entries by hand can hand it many at once, which is measured too.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use doubleentry::{
    Ledger,
    prelude::*,
    store::{Postgres, SqlOptions, SqlStore},
};
use mp_benches::{Load, Throughput};
use tokio::runtime::Runtime;

/// How many entries are handed over at once by who gathers them.
const BATCH: u64 = 100;

/// As many connections as served it fastest.
const CONNECTIONS: u32 = 8;

const ACCOUNTS: [(&str, AccountKind); 2] = [
    ("Assets:Cash", AccountKind::Asset),
    ("Income:Sales", AccountKind::Income),
];

fn name() -> LedgerId {
    LedgerId::new("example.com/stall").expect("a ledger")
}

fn sale(number: u64) -> Entry {
    Entry::new(format!("sale-{number}"), date!("2026-03-15"))
        .debit("Assets:Cash", amount!("0.01"), EUR)
        .credit("Income:Sales", amount!("0.01"), EUR)
}

/// A ledger of the crate's on PostgreSQL.
#[derive(Clone)]
pub(crate) struct Peer {
    books: Arc<Ledger<SqlStore<Postgres>>>,
    turns: Arc<AtomicU64>,
}

impl Peer {
    pub(crate) async fn create(url: &str) -> Self {
        let start = date!("2026-01-01");
        let options = SqlOptions {
            max_connections: CONNECTIONS,
            ..SqlOptions::default()
        };
        let store = SqlStore::postgres_with(url, options).await;
        let books = Ledger::new(store.expect("connects"), name()).await;
        let books = books.expect("a ledger");
        books
            .declare_currency(EUR, 2, start)
            .await
            .expect("a currency");
        books.define_months(2026, 1..=12).await.expect("periods");
        for (account, kind) in ACCOUNTS {
            books.open(account, kind, start).await.expect("opens");
        }
        Self {
            books: Arc::new(books),
            turns: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Has every task make one transfer after the other, each durable before the next.
    pub(crate) fn one_by_one(&self, runtime: &Runtime, load: Load) -> Throughput {
        let peer = self.clone();
        load.run(runtime, move |_, _| {
            let peer = peer.clone();
            async move {
                let turn = peer.turns.fetch_add(1, Ordering::Relaxed);
                peer.books.record(sale(turn)).await.expect("records");
            }
        })
    }

    /// Hands over many transfers at a time, from as many tasks as it has connections.
    pub(crate) fn gathered(&self, runtime: &Runtime, load: Load) -> Throughput {
        let peer = self.clone();
        let load = Load {
            tasks: CONNECTIONS as usize,
            ..load
        };
        let batches = load.run(runtime, move |_, _| {
            let peer = peer.clone();
            async move {
                let turn = peer.turns.fetch_add(BATCH, Ordering::Relaxed);
                let sales: Vec<Entry> = (turn..turn + BATCH).map(sale).collect();
                peer.books.record_batch(sales).await.expect("records");
            }
        });
        Throughput {
            per_second: batches.per_second * BATCH as f64,
            ..batches
        }
    }
}
