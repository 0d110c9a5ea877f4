//! What is still done while some slots are out of reach.

use std::time::Duration;

use mp_core::{
    Timestamp,
    store::{
        Batch, CommitId, Delivery, DueQuery, Key, Outcome, Partition, PostgresOptions,
        PostgresStore, SlotSet, Store, StoreError, Version, Write,
    },
};

use crate::tables::Tables;

const NOW: Timestamp = Timestamp::from_micros(1_795_284_000_000_000);
const LEASE: Duration = Duration::from_secs(60);
const PARTITIONS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_elsewhere_goes_on_while_a_shard_is_out_of_reach() {
    let test = "work_elsewhere_goes_on_while_a_shard_is_out_of_reach";
    let Some(tables) = Tables::make(test).await else {
        return;
    };
    let store = tables.open(PostgresOptions::default()).await;
    for number in 0..PARTITIONS {
        send(&store, number).await;
    }
    let lost = partition(0).slot();
    let slots = tables.lose_shard_of(lost).await;

    let leased = due(&store, NOW).await.expect("leases what it can reach");
    let reached = |delivery: &Delivery| !slots.contains(&delivery.partition.slot());
    assert!(leased.iter().all(reached));
    let within = (0..PARTITIONS).filter(|number| !slots.contains(&partition(*number).slot()));
    assert_eq!(leased.len(), within.count());

    // One of them cannot be settled: the others are, although it fails.
    let stranger = Delivery {
        partition: partition(0),
        ..leased[0].clone()
    };
    let settles = leased.iter().chain([&stranger]);
    let settles = settles.map(|delivery| delivery.settle(Outcome::Done));
    let settled = store.settle(settles.collect()).await;
    settled.expect_err("one slot is out of reach");
    let later = NOW.plus(LEASE * 2);
    due(&store, later).await.expect_err("nothing else is left");
}

async fn send(store: &PostgresStore, number: usize) {
    let value = || "{}".into();
    let root = Write::put(Key::root(), value());
    let mail = Write::deliver(Key::new("~o/mail/1").expect("a valid key"), value(), NOW);
    let batch = Batch {
        expect: Version::ABSENT,
        commit_id: CommitId::random(),
        at: NOW,
        writes: vec![root, mail],
    };
    let sent = store.commit(&partition(number), batch).await;
    sent.expect("commits");
}

async fn due(store: &PostgresStore, now: Timestamp) -> Result<Vec<Delivery>, StoreError> {
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: "mail".to_owned(),
        now,
        lease: LEASE,
        limit: 1_000,
    };
    store.due(&query).await
}

fn partition(number: usize) -> Partition {
    Partition::parse(&format!("market/group/{number}")).expect("a valid id")
}
