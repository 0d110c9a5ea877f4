//! People who join rushes through an engine, and an audit of what the store holds in the end.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use mp_core::{
    Caller, Clock, Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family,
    clock::SystemClock,
    document,
    idempotency::Idempotency,
    store::{DueQuery, Key, Partition, Query, Selection, SlotSet, Store},
};
use serde::{Deserialize, Serialize};

/// Whom a rush has told which number.
pub(crate) type Told = BTreeMap<String, u64>;

/// How long the store may be out of reach before that is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize, Serialize)]
struct Rush {
    members: u64,
}

impl Document for Rush {
    const KIND: &'static str = "rush";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Member {
    number: u64,
}

impl Document for Member {
    const KIND: &'static str = "member";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct Welcome {
    number: u64,
}

impl Document for Welcome {
    const KIND: &'static str = "welcome";
    const FORMAT: u32 = 1;
}

pub(crate) fn rush(number: usize) -> Partition {
    Partition::parse(&format!("market/rush/{number}")).expect("a well-formed id")
}

/// Joins a rush and returns the number that was given; asks again for as long as the store is out of
/// reach or cannot tell.
pub(crate) async fn join(engine: &Engine, rush: &Partition, user: &str) -> u64 {
    let until = Instant::now() + PATIENCE;
    loop {
        match try_join(engine, rush, user).await {
            Ok(number) => return number,
            Err(error) if Instant::now() < until && may_pass(&error) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{user}: {error}: {:?}", std::error::Error::source(&error)),
        }
    }
}

fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unknown)
}

/// Counts in the root, leaves a record and sends a message, once for each user: nothing but the
/// remembered answer keeps a second call from counting again.
async fn try_join(engine: &Engine, rush: &Partition, user: &str) -> Result<u64, Error> {
    let key = format!("m/{user}");
    let app = "market".parse().expect("an app");
    let caller = Caller::user(app, user.parse().expect("a user"));
    let once = Idempotency::new(&caller, "rush.join", &"join".parse().expect("a key"), &())?;
    let command = Command::on(rush.clone()).key(&key).once(once);
    let user = user.to_owned();
    let decide = move |family: &Family, now| -> Result<Decision<u64>, Error> {
        let number = family.root::<Rush>()?.map_or(0, |rush| rush.members) + 1;
        let mut edits = Edits::new();
        edits.put_root(Rush { members: number });
        edits.put(&key, Member { number });
        edits.send(&user, now, &Welcome { number });
        Ok(edits.answer(number))
    };
    Ok(engine.run(command, decide).await?.answer)
}

/// Demands that of each rush exactly those are members who were told a number, each once and with
/// that number, and that each is sent exactly one message.
pub(crate) async fn audit(
    store: &dyn Store,
    told: &BTreeMap<Partition, Told>,
) -> Result<(), String> {
    let mut sent = messages(store).await;
    for (rush, told) in told {
        let (count, members) = members(store, rush).await;
        let mut numbers: Vec<u64> = members.values().copied().collect();
        numbers.sort_unstable();
        if count != numbers.len() as u64 || !numbers.iter().copied().eq(1..=count) {
            return Err(format!(
                "{rush} counts {count}, its members have {numbers:?}"
            ));
        }
        if members != *told {
            return Err(format!(
                "{rush} has other members than were told: {members:?}"
            ));
        }
        if sent.remove(rush).unwrap_or_default() != members {
            return Err(format!("{rush} sent other messages than to its members"));
        }
    }
    Ok(())
}

/// Returns the count of a rush and the numbers of its members.
async fn members(store: &dyn Store, rush: &Partition) -> (u64, Told) {
    let query = Query {
        select: vec![Selection::Prefix(Key::new("m/").expect("a valid key"))],
        limit: store.limits().read_max,
    };
    let view = store.read(rush, &query).await.expect("reads");
    assert!(!view.more, "more than one read brings");
    let (mut count, mut members) = (0, Told::new());
    for record in view.records {
        match record.key.as_str().strip_prefix("m/") {
            None => count = read::<Rush>(&record.value).members,
            Some(user) => {
                members.insert(user.to_owned(), read::<Member>(&record.value).number);
            }
        }
    }
    (count, members)
}

/// Leases every message, and returns to whom each rush sent which number.
async fn messages(store: &dyn Store) -> BTreeMap<Partition, Told> {
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: Welcome::KIND.to_owned(),
        now: SystemClock.now().plus(Duration::from_secs(60)),
        lease: Duration::from_secs(3_600),
        limit: store.limits().due_max,
    };
    let mut sent = BTreeMap::<Partition, Told>::new();
    loop {
        let deliveries = store.due(&query).await.expect("leases");
        if deliveries.is_empty() {
            return sent;
        }
        for delivery in deliveries {
            let user = delivery
                .key
                .as_str()
                .trim_start_matches("~o/welcome/")
                .to_owned();
            let number = read::<Welcome>(&delivery.value).number;
            let twice = sent
                .entry(delivery.partition)
                .or_default()
                .insert(user, number);
            assert_eq!(twice, None, "leased twice");
        }
    }
}

fn read<D: Document>(value: &[u8]) -> D {
    document::decode(value)
        .expect("what was written reads back")
        .0
}
