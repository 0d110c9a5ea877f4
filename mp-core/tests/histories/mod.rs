//! Random histories of calls, and whether a store answers each of them as the reference store does.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mp_core::{
    clock::Timestamp,
    store::{
        Batch, CommitId, Delivery, DueQuery, Key, MemoryStore, Outcome, Partition, Query,
        Selection, SlotSet, Store, StoreErrorKind, Version, Write,
    },
};
use proptest::{collection::vec, prelude::*};

const START: i64 = 1_795_000_000_000_000;
const KEYS: &[&str] = &[
    "",
    "a",
    "a/1",
    "a/2",
    "b",
    "~o/mail/1",
    "~o/mail/2",
    "~t/expire/1",
];

/// One call.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit {
        partition: u8,
        stale: bool,
        at: u16,
        writes: Vec<(usize, bool, u16)>,
    },
    Read {
        partition: u8,
        select: Vec<(usize, usize)>,
        limit: u32,
    },
    Changes {
        partition: u8,
        back: u64,
        limit: u32,
    },
    Due {
        mail: bool,
        now: u16,
        lease: u16,
        limit: u32,
        odd_slots_only: bool,
    },
    Settle {
        leased: usize,
        outcome: u8,
        at: u16,
    },
    Dead {
        after: bool,
        limit: u32,
    },
}

/// Returns histories of up to sixty calls.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..60)
}

fn step() -> impl Strategy<Value = Step> {
    let partition = 0_u8..3;
    // All times lie closer together than deletions are remembered.
    let at = 0_u16..500;
    prop_oneof![
        4 => (partition.clone(), any::<bool>(), at.clone(), vec((0..KEYS.len(), any::<bool>(), at.clone()), 0..5))
            .prop_map(|(partition, stale, at, writes)| Step::Commit { partition, stale, at, writes }),
        2 => (partition.clone(), vec((0..KEYS.len(), 0..KEYS.len()), 0..3), 0_u32..5)
            .prop_map(|(partition, select, limit)| Step::Read { partition, select, limit }),
        1 => (partition, 0_u64..6, 0_u32..6)
            .prop_map(|(partition, back, limit)| Step::Changes { partition, back, limit }),
        2 => (any::<bool>(), at.clone(), at.clone(), 0_u32..2, any::<bool>())
            .prop_map(|(mail, now, lease, limit, odd_slots_only)| Step::Due { mail, now, lease, limit, odd_slots_only }),
        2 => (0_usize..8, 0_u8..5, at).prop_map(|(leased, outcome, at)| Step::Settle { leased, outcome, at }),
        1 => (any::<bool>(), 0_u32..4).prop_map(|(after, limit)| Step::Dead { after, limit }),
    ]
}

/// The reference store beside another, and what a caller of them would know.
#[derive(Debug)]
pub(crate) struct Pair {
    memory: MemoryStore,
    store: Arc<dyn Store>,
    heads: [Version; 3],
    leased: Vec<Delivery>,
    /// How many steps were taken; added to every time in microseconds, since the order of what
    /// falls due in the same microsecond is left open.
    steps: u32,
}

/// Demands that an empty store answers each call of a history as the reference store does.
#[allow(
    dead_code,
    reason = "some test programs take two stores through one history"
)]
pub(crate) async fn replay(store: Arc<dyn Store>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    Pair::new(store).await?.take_all(steps).await
}

impl Pair {
    /// Puts an empty store beside an empty reference store, and makes the partitions in both.
    pub(crate) async fn new(store: Arc<dyn Store>) -> Result<Self, TestCaseError> {
        let mut pair = Self {
            memory: MemoryStore::new(),
            store,
            heads: [Version::ABSENT; 3],
            leased: Vec::new(),
            steps: 0,
        };
        let create = |partition| Step::Commit {
            partition,
            stale: false,
            at: 0,
            writes: vec![(0, true, 0)],
        };
        pair.take_all((0..3).map(create)).await?;
        Ok(pair)
    }

    /// Goes on with another store that must hold the same by now.
    #[allow(dead_code, reason = "most test programs have one store")]
    pub(crate) fn go_on_with(&mut self, store: Arc<dyn Store>) {
        self.store = store;
    }

    /// Demands that both answer each call alike.
    pub(crate) async fn take_all(
        &mut self,
        steps: impl IntoIterator<Item = Step>,
    ) -> Result<(), TestCaseError> {
        for step in steps {
            self.take(step).await?;
        }
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.steps += 1;
        let time = |seconds| time(seconds, self.steps);
        match step {
            Step::Commit {
                partition: n,
                stale,
                at,
                writes,
            } => {
                let batch = Batch {
                    expect: if stale {
                        Version(5)
                    } else {
                        self.heads[usize::from(n)]
                    },
                    commit_id: CommitId(self.steps.into()),
                    at: time(at),
                    writes: writes
                        .into_iter()
                        .map(|(key, put, due)| write(key, put, time(due)))
                        .collect(),
                };
                let one = self.memory.commit(&partition(n), batch.clone()).await;
                let other = self.store.commit(&partition(n), batch).await;
                if let Ok(version) = one {
                    self.heads[usize::from(n)] = version;
                }
                same(one, other)
            }
            Step::Read {
                partition: n,
                select,
                limit,
            } => {
                let select = select
                    .into_iter()
                    .map(|(from, to)| selection(from, to))
                    .collect();
                let query = Query { select, limit };
                same(
                    self.memory.read(&partition(n), &query).await,
                    self.store.read(&partition(n), &query).await,
                )
            }
            Step::Changes {
                partition: n,
                back,
                limit,
            } => {
                let since = Version(self.heads[usize::from(n)].0.saturating_sub(back));
                same(
                    self.memory.changes(&partition(n), since, limit).await,
                    self.store.changes(&partition(n), since, limit).await,
                )
            }
            Step::Due {
                mail,
                now,
                lease,
                limit,
                odd_slots_only,
            } => {
                let odd = (1..256).step_by(2).fold(SlotSet::NONE, SlotSet::with);
                let query = DueQuery {
                    slots: if odd_slots_only { odd } else { SlotSet::ALL },
                    kind: if mail { "mail" } else { "expire" }.to_owned(),
                    now: time(now),
                    lease: Duration::from_secs(lease.into()),
                    limit,
                };
                let one = self.memory.due(&query).await;
                let other = self.store.due(&query).await;
                self.leased.extend(one.iter().flatten().cloned());
                same(one, other)
            }
            Step::Settle {
                leased,
                outcome,
                at,
            } => {
                let Some(delivery) = self.leased.get(leased % self.leased.len().max(1)) else {
                    return Ok(());
                };
                let settles = vec![delivery.settle(self::outcome(outcome, time(at)))];
                same(
                    self.memory.settle(settles.clone()).await,
                    self.store.settle(settles).await,
                )
            }
            Step::Dead { after, limit } => {
                let key = Key::new("~o/mail/1").expect("a valid key");
                let place = partition(1);
                let after = after.then_some((&place, &key));
                let one = self.memory.dead(after, limit).await;
                let other = self.store.dead(after, limit).await;
                self.leased.extend(one.iter().flatten().cloned());
                same(one, other)
            }
        }
    }
}

fn same<A: PartialEq + std::fmt::Debug>(
    one: Result<A, mp_core::store::StoreError>,
    other: Result<A, mp_core::store::StoreError>,
) -> Result<(), TestCaseError> {
    let kind = |error: mp_core::store::StoreError| -> StoreErrorKind { error.kind() };
    prop_assert_eq!(other.map_err(kind), one.map_err(kind));
    Ok(())
}

fn time(seconds: u16, step: u32) -> Timestamp {
    let step = Duration::from_micros(u64::from(step) * 16);
    Timestamp::from_micros(START)
        .plus(Duration::from_secs(seconds.into()))
        .plus(step)
}

fn partition(n: u8) -> Partition {
    Partition::parse(&format!("market/group/{n}")).expect("a valid id")
}

fn key(n: usize) -> Key {
    Key::new(KEYS[n]).expect("a valid key")
}

fn selection(from: usize, to: usize) -> Selection {
    match to % 3 {
        0 => Selection::Key(key(from)),
        1 => Selection::Prefix(key(from)),
        _ => Selection::Range {
            from: key(from),
            to: key(to),
        },
    }
}

fn write(n: usize, put: bool, due: Timestamp) -> Write {
    let key = key(n);
    // True or not: what comes of it is the same.
    let new = (due.as_micros() / 16).unsigned_abs().is_multiple_of(2);
    let write = match (put, key.is_delivery()) {
        (false, _) => Write::Delete { key },
        (true, true) => Write::deliver(
            key,
            Bytes::from(format!("\"{due}\"")),
            due.plus(Duration::from_micros(n as u64)),
        ),
        (true, false) => Write::put(key, Bytes::from(format!("\"{due}\""))),
    };
    write.known_new(new)
}

fn outcome(n: u8, at: Timestamp) -> Outcome {
    match n {
        0 => Outcome::Done,
        1 => Outcome::Again { at, error: None },
        2 => Outcome::Again {
            at,
            error: Some("é".repeat(300)),
        },
        3 => Outcome::Dead {
            error: "gave up".to_owned(),
        },
        _ => Outcome::Redrive { at },
    }
}
