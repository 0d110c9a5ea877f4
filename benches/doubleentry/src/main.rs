//! Postings of the ledger to a hot account on PostgreSQL beside those of the crate `doubleentry`,
//! durable, on the same server, in turns; two postings per transfer.
//!
//! ```sh
//! cargo run --release --manifest-path benches/doubleentry/Cargo.toml
//! ```
//!
//! What is measured and how is taken from the suite's benches.

#[path = "../../src/load.rs"]
mod load;
#[path = "../../benches/ledger/ours.rs"]
mod ours;
mod peer;
#[path = "../../src/promise.rs"]
mod promise;
#[path = "../../src/turns.rs"]
mod turns;

use std::{sync::Arc, time::Duration};

use mp_core::store::{PostgresOptions, PostgresStore};
use throwaway_postgres::{Server, ServerOptions};
use tokio::runtime::Runtime;

/// What is shared with the benches knows their crate by this name.
extern crate self as mp_benches;

use self::{ours::Books, peer::Peer};
pub use self::{
    load::{Load, Throughput},
    promise::{Bound, Promise},
    turns::{Side, Table, take_turns},
};

const LOAD: Load = Load {
    tasks: 128,
    span: Duration::from_millis(1_000),
};
const ROUNDS: usize = 5;

const OURS: &str = "Ledger, hot";
const PEER: &str = "doubleentry 0.8, one by one";
const GATHERED: &str = "doubleentry 0.8, 100 at once";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let options = ServerOptions::default()
        .with_durability()
        .with_setting("shared_buffers", "1GB")
        .with_setting("max_wal_size", "8GB");
    let server = Server::start(&options).expect("a PostgreSQL that starts");
    let (books, peer) = runtime.block_on(async {
        let ours = server.create_database().await;
        let store = PostgresStore::connect(ours.url(), PostgresOptions::default()).await;
        let books = Books::open(Arc::new(store.expect("the store opens"))).await;
        let theirs = server.create_database().await;
        (books, Peer::create(theirs.url()).await)
    });
    let sides = vec![
        Side::new(PEER, || postings(peer.one_by_one(&runtime, LOAD))),
        Side::new(GATHERED, || postings(peer.gathered(&runtime, LOAD))),
        Side::new(OURS, || postings(books.run(&runtime, LOAD, true))),
    ];
    let table = take_turns("Postings on PostgreSQL, durable, 128 tasks", ROUNDS, sides);
    println!("{table}");
    let of = |side| table.of(side).map(|throughput| throughput.per_second);
    let times = of(OURS).zip(of(PEER)).map(|(ours, theirs)| ours / theirs);
    let what = "a hot account on PostgreSQL, beside the crate doubleentry";
    println!("{}", Promise::new(what, times, Bound::Times(10.0)));
}

/// A transfer makes two postings.
fn postings(transfers: Throughput) -> Throughput {
    Throughput {
        per_second: transfers.per_second * 2.0,
        ..transfers
    }
}
