//! A thousand people at once, through two engines on one store.

mod market;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mp_core::{
    error::Advice,
    store::{MemoryStore, SqliteOptions, SqliteStore, Store},
};
use mp_queue::{QueueError, Ticket, TicketId, TicketState};
use tokio::task::JoinSet;

use self::market::{Market, setup, staff, user};

const PEOPLE: usize = 1_000;
const TASKS: usize = 64;
const COUNTERS: usize = 4;

/// What one task saw: whom it let join, and who of them left again.
#[derive(Default)]
struct Seen {
    joined: Vec<TicketId>,
    left: BTreeSet<TicketId>,
}

/// Calls again while the answer is that the same call may succeed later, as a client does.
async fn insist<T, F>(call: impl Fn() -> F) -> Result<T, QueueError>
where
    F: Future<Output = Result<T, QueueError>>,
{
    loop {
        match call().await {
            Err(QueueError::Core(error)) if error.kind().advice() == Advice::Retry => {}
            answer => return answer,
        }
    }
}

/// Joins a share of the people, each call delivered twice, and lets some leave at once.
async fn arrive(market: Arc<Market>, task: usize) -> Seen {
    let mut rng = fastrand::Rng::with_seed(task as u64);
    let mut seen = Seen::default();
    for person in (task..PEOPLE).step_by(TASKS) {
        let caller = user(&format!("u{person}"));
        let key = format!("join-{person}").parse().expect("a key");
        let party = rng.u32(1..=8);
        let join = || insist(|| market.queues.join(&caller, &market.line, party, &key));
        let (first, again) = tokio::join!(join(), join());
        let (first, again) = (first.expect("joins"), again.expect("is answered again"));
        assert_eq!(first.answer, again.answer);
        assert_ne!(first.replayed, again.replayed);
        let ticket = first.answer.ticket.id;
        seen.joined.push(ticket);
        if rng.u8(0..10) == 0 {
            let left = insist(|| market.queues.leave(&caller, &market.line, ticket)).await;
            if left.is_ok() {
                seen.left.insert(ticket);
            }
        }
    }
    seen
}

/// Calls and serves until nobody waits and nobody comes any more.
async fn work_the_counter(
    market: Arc<Market>,
    counter: usize,
    arrived: Arc<AtomicBool>,
) -> Vec<Ticket> {
    let mut called = Vec::new();
    for nth in 0.. {
        let last_round = arrived.load(Ordering::SeqCst);
        let key = format!("call-{counter}-{nth}").parse().expect("a key");
        let from = mp_queue::CallFrom::LongestWaiting;
        let chef = staff();
        let next = || market.queues.call_next(&chef, &market.line, from, &key);
        match insist(next).await {
            Ok(ticket) => {
                // The owner may have left between the call and the service.
                match insist(|| market.serve(ticket.answer.id)).await {
                    Ok(_) => called.push(ticket.answer),
                    Err(error) => assert_eq!(error.code(), "illegal_move"),
                }
            }
            Err(QueueError::NobodyWaits) if last_round => return called,
            Err(QueueError::NobodyWaits) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => panic!("{error}"),
        }
    }
    called
}

async fn rush(store: Arc<dyn Store>) {
    let markets = [0, 1].map(|_| Arc::new(Market::on(store.clone())));
    let opened = markets[0]
        .queues
        .open_line(&staff(), &markets[0].line, setup(), &markets[0].key())
        .await;
    opened.expect("opens");
    let arrived = Arc::new(AtomicBool::new(false));
    let mut counters = JoinSet::new();
    for counter in 0..COUNTERS {
        let market = markets[counter % 2].clone();
        counters.spawn(work_the_counter(market, counter, arrived.clone()));
    }
    let mut arrivals = JoinSet::new();
    for task in 0..TASKS {
        arrivals.spawn(arrive(markets[task % 2].clone(), task));
    }
    let seen = arrivals.join_all().await;
    arrived.store(true, Ordering::SeqCst);
    let served = counters.join_all().await;
    check(&markets[1], &seen, &served).await;
}

async fn check(market: &Market, seen: &[Seen], served: &[Vec<Ticket>]) {
    let joined: BTreeSet<TicketId> = seen.iter().flat_map(|seen| seen.joined.clone()).collect();
    let left: BTreeSet<TicketId> = seen.iter().flat_map(|seen| seen.left.clone()).collect();
    let once: BTreeSet<TicketId> = served.iter().flatten().map(|ticket| ticket.id).collect();
    assert_eq!(joined.len(), PEOPLE, "everybody has a ticket of their own");
    assert_eq!(
        once.len(),
        served.iter().flatten().count(),
        "each was served once"
    );
    assert!(once.is_disjoint(&left), "who left was not served");
    assert_eq!(once.len() + left.len(), PEOPLE, "nobody is forgotten");
    for counter in served {
        let sequence = |ticket: &Ticket| ticket.sequence;
        assert!(
            counter.iter().map(sequence).is_sorted(),
            "calls are in order"
        );
    }
    check_book(market, &joined).await;
}

/// Reads every ticket back: numbers without a gap, calls in their order, counts in balance.
async fn check_book(market: &Market, joined: &BTreeSet<TicketId>) {
    let mut tickets = Vec::new();
    for id in joined {
        tickets.push(market.ticket(*id).await);
    }
    let sequences: BTreeSet<u32> = tickets.iter().map(|ticket| ticket.sequence).collect();
    assert_eq!(
        sequences,
        (1..=PEOPLE as u32).collect(),
        "no number is burnt or given twice"
    );
    assert!(
        tickets.iter().all(|ticket| ticket.calls <= 1),
        "nobody is called twice"
    );
    tickets.sort_by_key(|ticket| ticket.sequence);
    let called: Vec<_> = tickets
        .iter()
        .filter_map(|ticket| ticket.called_at)
        .collect();
    assert!(called.is_sorted(), "nobody is overtaken");
    let line = market.board().await;
    assert!(line.lanes.iter().all(|lane| lane.counts.is_balanced()));
    let count = |state| {
        tickets
            .iter()
            .filter(|ticket| ticket.state == state)
            .count() as u32
    };
    let served: u32 = line.lanes.iter().map(|lane| lane.counts.served).sum();
    let left: u32 = line.lanes.iter().map(|lane| lane.counts.left).sum();
    assert_eq!(
        (served, left),
        (count(TicketState::Served), count(TicketState::Left))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_rush_everybody_is_called_once_and_in_order() {
    rush(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_rush_on_sqlite_everybody_is_called_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mp.db");
    let store = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
    rush(Arc::new(store)).await;
}
