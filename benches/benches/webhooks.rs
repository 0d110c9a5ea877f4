//! Webhooks accepted a second at 128 tasks, durable on acknowledgement on SQLite: verified, their
//! bytes and the work that handles them kept. Beside it the floor, which verifies and keeps nothing,
//! and the peer, which verifies and keeps each in a transaction of its own.
//!
//! Promise: at least 3 times the peer.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mp_benches::{Bound, Load, Promise, Side, Throughput, take_turns};
use mp_core::{
    Engine,
    clock::SystemClock,
    entropy::SystemEntropy,
    store::{MemoryStore, SqliteOptions, SqliteStore, Store},
};
use mp_pay::{
    Payments, SandboxBackend,
    webhook::{
        Identity, RawWebhook, WebhookSource, Webhooks,
        stripe::{SIGNATURE_HEADER, StripeSecret, StripeWebhooks},
    },
};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

const TASKS: usize = 128;
const SPAN: Duration = Duration::from_millis(500);
const ROUNDS: usize = 5;

/// As long as most of Stripe's events are, in bytes.
const BODY: usize = 3_000;

const OURS: &str = "verified and kept, SqliteStore";
const PEER: &str = "verified and kept in a transaction each";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteStore::open(folder.path().join("ours.db"), SqliteOptions::default());
    let sqlite = intake(Arc::new(sqlite.expect("the store opens")));
    let memory = intake(Arc::new(MemoryStore::new()));
    let peer = Peer::create(&folder.path().join("peer.db")).expect("the peer opens");
    let load = Load {
        tasks: TASKS,
        span: SPAN,
    };
    let sender = Sender::new();
    let sides = vec![
        Side::new("verified only", || verify(&runtime, load, &sender)),
        Side::new(PEER, || verify_and_insert(&runtime, load, &sender, &peer)),
        Side::new(OURS, || receive(&runtime, load, &sender, &sqlite)),
        Side::new("verified and kept, MemoryStore", || {
            receive(&runtime, load, &sender, &memory)
        }),
    ];
    let title = format!("Webhooks of {BODY} bytes, {TASKS} tasks");
    let table = take_turns(&title, ROUNDS, sides);
    println!("{table}");
    let times = || Some(table.of(OURS)?.per_second / table.of(PEER)?.per_second);
    println!(
        "{}",
        Promise::new("webhooks kept, of the peer", times(), Bound::Times(3.0))
    );
}

fn intake(store: Arc<dyn Store>) -> Webhooks {
    let engine = Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
    let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
    let source = "stripe".parse().expect("a name");
    Webhooks::new(&engine)
        .with_source(source, adapter(), &payments)
        .with_waiting_max(u32::MAX)
}

fn secret() -> StripeSecret {
    StripeSecret::new("whsec_of_this_benchmark").expect("a secret")
}

fn adapter() -> Arc<dyn WebhookSource> {
    let market = "market".parse().expect("an app");
    let stripe = StripeWebhooks::new().with_secret(market, secret());
    Arc::new(stripe.expect("it is the first"))
}

/// Makes signed events, each another one.
#[derive(Clone)]
struct Sender {
    number: Arc<AtomicU64>,
    secret: StripeSecret,
}

impl Sender {
    fn new() -> Self {
        Self {
            number: Arc::default(),
            secret: secret(),
        }
    }

    /// Signing costs as much as verifying, on every side alike.
    fn next(&self) -> RawWebhook {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let head = format!(r#"{{"id":"evt_{number}","type":"ping","data":{{"object":""#);
        let rest = "x".repeat(BODY - head.len() - 3);
        let body = format!("{head}{rest}\"}}}}");
        let now = mp_core::Clock::now(&SystemClock);
        let header = self.secret.sign(body.as_bytes(), now);
        let (app, source) = ("market".parse(), "stripe".parse());
        let raw = RawWebhook::new(app.expect("an app"), source.expect("a name"), body);
        raw.with_header(SIGNATURE_HEADER, header)
    }
}

fn verify(runtime: &Runtime, load: Load, sender: &Sender) -> Throughput {
    let (sender, adapter) = (sender.clone(), adapter());
    load.run(runtime, move |_, _| {
        let (raw, adapter) = (sender.next(), adapter.clone());
        async move { drop(verified(&*adapter, &raw).await) }
    })
}

async fn verified(adapter: &dyn WebhookSource, raw: &RawWebhook) -> Identity {
    let now = mp_core::Clock::now(&SystemClock);
    adapter.verify(raw, now).await.expect("it is signed")
}

fn receive(runtime: &Runtime, load: Load, sender: &Sender, webhooks: &Webhooks) -> Throughput {
    let (sender, webhooks) = (sender.clone(), webhooks.clone());
    load.run(runtime, move |_, _| {
        let (raw, webhooks) = (sender.next(), webhooks.clone());
        async move {
            let accepted = webhooks.receive(&raw).await.expect("is accepted");
            assert!(!accepted.duplicate, "each is another one");
        }
    })
}

fn verify_and_insert(runtime: &Runtime, load: Load, sender: &Sender, peer: &Peer) -> Throughput {
    let (sender, adapter, peer) = (sender.clone(), adapter(), peer.clone());
    load.run(runtime, move |_, _| {
        let (raw, adapter, peer) = (sender.next(), adapter.clone(), peer.clone());
        async move {
            let Identity::Event(event) = verified(&*adapter, &raw).await else {
                panic!("it has a name");
            };
            let inserted =
                tokio::task::spawn_blocking(move || peer.insert(event.as_str(), &raw.body));
            inserted.await.expect("no panic").expect("the peer inserts");
        }
    })
}

/// What a careful team writes by hand: an event once, and a row of work, in one transaction.
#[derive(Clone)]
struct Peer(Arc<Mutex<Connection>>);

impl Peer {
    fn create(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 32768;
             CREATE TABLE event (id TEXT PRIMARY KEY, body BLOB NOT NULL);
             CREATE TABLE work (id INTEGER PRIMARY KEY, event TEXT NOT NULL);",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    fn insert(&self, event: &str, body: &[u8]) -> rusqlite::Result<()> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        transaction
            .prepare_cached("INSERT INTO event VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![event, body])?;
        transaction
            .prepare_cached("INSERT INTO work (event) VALUES (?1)")?
            .execute([event])?;
        transaction.commit()
    }
}
