use std::collections::BTreeMap;

use mp_core::{
    feed::{Cursor, Event, Feed, Feeds},
    work::{Worker, WorkerOptions},
};
use mp_pay::ledger::{
    Ledger, NamedTransfer, NewTransfer, PostTransfer, Side, Transfer, TransferStatus,
    news::{EXPIRED, Ended, POSTED, Posted, REVERSED, Reversed, VOIDED},
};

use super::world::{World, account, euros, id, office};

fn journal() -> Feed {
    Feed::new("journal".parse().expect("a name"))
}

/// Does what is due, and returns what has come into the feed.
async fn told(world: &World) -> Vec<Event> {
    let feeds = Feeds::new(&world.engine);
    let worker = Worker::new(&world.engine, WorkerOptions::default());
    let worker = worker.with(feeds.handlers()).with(world.ledger.handlers());
    worker.drain().await.expect("works");
    let (app, journal) = ("market".parse().expect("an app"), journal());
    let read = feeds.read(&app, &journal, Cursor::START, 1_000);
    read.await.expect("reads").events
}

fn topics(events: &[Event]) -> BTreeMap<&str, usize> {
    let mut topics = BTreeMap::new();
    for event in events {
        *topics.entry(event.topic.as_str()).or_default() += 1;
    }
    topics
}

fn named(transfer: &Transfer) -> NamedTransfer {
    NamedTransfer {
        book: transfer.home.clone(),
        transfer: transfer.id,
    }
}

fn post(transfer: &Transfer, amount: Option<i64>) -> PostTransfer {
    PostTransfer {
        book: transfer.home.clone(),
        transfer: transfer.id,
        amount,
    }
}

pub(crate) async fn what_becomes_of_a_transfer_is_told_once(world: World) {
    let wallet = world.funded("mei", 100).await;
    let (near, far) = (
        world.own("mei/near", Side::Credit).await,
        world.own("stall/sales", Side::Credit).await,
    );
    let ledger = world.ledger.clone().with_feed(journal());
    let make = async |name: &str, to: &_, minor, pending: Option<u64>| {
        let mut request = NewTransfer::of(wallet.clone(), Clone::clone(to), euros(minor));
        request.pending_for_s = pending;
        let made = ledger.transfer(&office(), id(name), request).await;
        made.expect("moves")
    };
    for _ in 0..2 {
        let office = office();
        let moved = make("moved", &near, 10, None).await;
        let part = make("part", &far, 30, Some(60)).await;
        // Whoever moves it on, and without a feed of their own.
        let plain: &Ledger = &world.ledger;
        plain
            .post(&office, post(&part, Some(12)))
            .await
            .expect("posts");
        let void = make("void", &far, 5, Some(60)).await;
        plain.void(&office, named(&void)).await.expect("voids");
        make("over", &near, 7, Some(60)).await;
        let back = ledger.reverse(&office, id("back"), named(&moved)).await;
        back.expect("reverses");
        world.pass(61);
        let events = told(&world).await;
        let expected = [(POSTED, 3), (VOIDED, 1), (EXPIRED, 1), (REVERSED, 1)];
        assert_eq!(topics(&events), expected.into());
        assert_eq!(sum_of(&events), world.posted(&wallet).await - 100);
        told_of(&events, &[moved.id, part.id, id("back")], void.id);
    }
    world.audit().await;
}

/// Adds up what the wallet's postings come to.
fn sum_of(events: &[Event]) -> i64 {
    let wallet = account("mei/wallet");
    let posted = events.iter().filter(|event| event.topic == POSTED);
    let moves = posted.flat_map(|event| event.fact::<Posted>().expect("reads").moves);
    let change = moves.map(|it| match (it.debit == wallet, it.credit == wallet) {
        (true, _) => -it.amount.minor(),
        (_, true) => it.amount.minor(),
        _ => 0,
    });
    change.sum()
}

fn told_of(
    events: &[Event],
    posted: &[mp_pay::ledger::TransferId],
    void: mp_pay::ledger::TransferId,
) {
    for event in events {
        match event.topic.as_str() {
            POSTED => {
                let fact: Posted = event.fact().expect("reads");
                assert!(posted.contains(&fact.transfer), "{fact:?}");
                let back = (fact.transfer == id("back")).then(|| id("moved"));
                assert_eq!(fact.reverses, back);
            }
            REVERSED => {
                let fact: Reversed = event.fact().expect("reads");
                assert_eq!((fact.transfer, fact.by), (id("moved"), id("back")));
            }
            VOIDED => assert_eq!(event.fact::<Ended>().expect("reads").transfer, void),
            _ => assert_eq!(event.fact::<Ended>().expect("reads").transfer, id("over")),
        }
    }
}

pub(crate) async fn what_lapses_before_it_is_held_is_told_as_expired(world: World) {
    let wallet = world.funded("mei", 100).await;
    let far = world.own("stall/sales", Side::Credit).await;
    let minute = std::time::Duration::from_secs(60);
    let request = || NewTransfer::of(wallet.clone(), far.clone(), euros(10)).pending_for_s(60);
    // The other book is never asked, or asked too late.
    let processes = [
        ("unasked", world.cut_off("stall", 0)),
        ("late", world.slow("mei", minute)),
    ];
    for (told_before, (name, process)) in processes.into_iter().enumerate() {
        let process = process.with_feed(journal());
        let made = process.transfer(&office(), id(name), request()).await;
        let made = made.expect("is begun");
        world.pass(60);
        let status = async || {
            let (office, ledger) = (office(), &world.ledger);
            let found = ledger.transfer_of(&office, &made.home, made.id).await;
            found.expect("is there").status
        };
        assert_eq!(status().await, TransferStatus::Expired, "{name}");
        world.carrier().drain().await.expect("works");
        assert_eq!(world.available(&wallet).await, 100, "{name}");
        assert_eq!(status().await, TransferStatus::Expired, "{name}");
        let events = told(&world).await;
        assert_eq!(topics(&events), [(EXPIRED, told_before + 1)].into());
    }
    world.audit().await;
}

pub(crate) async fn without_a_feed_the_ledger_writes_nothing_for_one(world: World) {
    let wallet = world.funded("mei", 100).await;
    let near = world.own("mei/near", Side::Credit).await;
    let request = NewTransfer::of(wallet, near, euros(10));
    world.moves("moved", request).await.expect("moves");
    assert_eq!(told(&world).await, []);
}
