use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mp_core::{
    Engine,
    clock::SystemClock,
    entropy::SystemEntropy,
    store::{Partition, Store},
};
use tokio::task::JoinSet;

use crate::joins::{self, Told};

const TASKS: usize = 64;
const RUSHES: usize = 8;

/// How many joins must be acknowledged before and after each outage.
const JOINS_BETWEEN: usize = 500;

/// How long a service may take to come back by itself.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

/// People who join one rush after another until they are told to stop.
pub(crate) struct Crowd {
    tasks: JoinSet<BTreeMap<Partition, Told>>,
    joined: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    pub(crate) fn start(store: Arc<dyn Store>) -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        let engine = Engine::new(store, Arc::new(SystemClock), entropy);
        let mut crowd = Self {
            tasks: JoinSet::new(),
            joined: Arc::default(),
            stop: Arc::default(),
        };
        for task in 0..TASKS {
            let (engine, joined, stop) = (engine.clone(), crowd.joined.clone(), crowd.stop.clone());
            crowd.tasks.spawn(async move {
                let mut told = BTreeMap::<Partition, Told>::new();
                for turn in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let (rush, user) = (
                        joins::rush((task + turn) % RUSHES),
                        format!("{task}-{turn}"),
                    );
                    let number = joins::join(&engine, &rush, &user).await;
                    told.entry(rush).or_default().insert(user, number);
                    joined.fetch_add(1, Ordering::Relaxed);
                }
                told
            });
        }
        crowd
    }

    /// Waits until some more have joined.
    pub(crate) async fn goes_on(&self) {
        let enough = self.joined.load(Ordering::Relaxed) + JOINS_BETWEEN;
        let until = Instant::now() + RECOVERY_MAX;
        while self.joined.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < until, "the service does not recover");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns who was told which number.
    pub(crate) async fn end(self) -> BTreeMap<Partition, Told> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::<Partition, Told>::new();
        for told in self.tasks.join_all().await {
            for (rush, told) in told {
                all.entry(rush).or_default().extend(told);
            }
        }
        all
    }
}

/// Returns how many have joined.
pub(crate) fn count(told: &BTreeMap<Partition, Told>) -> usize {
    told.values().map(Told::len).sum()
}
