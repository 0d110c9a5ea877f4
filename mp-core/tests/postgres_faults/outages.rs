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
    store::{Partition, PostgresOptions, PostgresStore},
};
use throwaway_postgres::{Database, Server, ServerOptions, Stop, server};
use tokio::task::{JoinSet, spawn_blocking};

use crate::joins::{self, Told};

const TASKS: usize = 64;
const RUSHES: usize = 8;

/// How many joins must be acknowledged before and after each outage.
const JOINS_BETWEEN: usize = 500;

/// How long a service may take to come back by itself.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

/// The word after `await` keeps each of these tests one line: what happens in mid-load.
macro_rules! outages {
    ($($test:ident $outage:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                survive(stringify!($test), $outage).await;
            }
        )*
    };
}

outages! {
    sessions_that_are_broken_off_lose_and_double_nothing Outage::Sessions;
    a_fast_restart_loses_and_doubles_nothing Outage::Restart(Stop::Fast);
    an_immediate_restart_loses_and_doubles_nothing Outage::Restart(Stop::Immediate);
    a_killed_server_loses_and_doubles_nothing Outage::Restart(Stop::Kill);
}

#[derive(Clone, Copy, Debug)]
enum Outage {
    /// All sessions are broken off, the server goes on.
    Sessions,
    /// The server goes down and comes back.
    Restart(Stop),
}

impl Outage {
    async fn strike(self, server: &Server, database: &Database) {
        match self {
            Self::Sessions => assert!(database.terminate_backends().await > 0),
            Self::Restart(stop) => {
                let server = server.clone();
                let restarted = spawn_blocking(move || server.restart(stop)).await;
                restarted.expect("the server comes back");
            }
        }
    }
}

/// Strikes again and again in mid-load, and demands that the load goes on by itself each time and
/// that every acknowledged join, and no other, is there in the end.
async fn survive(test: &str, outage: Outage) {
    let options = ServerOptions::default().with_durability();
    let Some(server) = server(test, &options) else {
        return;
    };
    let database = server.create_database().await;
    let options = PostgresOptions::default();
    let store = PostgresStore::connect(database.url(), options).await;
    let store = Arc::new(store.expect("connects"));
    let entropy = Arc::new(SystemEntropy::new());
    let crowd = Crowd::start(&Engine::new(store.clone(), Arc::new(SystemClock), entropy));
    for _ in 0..strikes() {
        crowd.goes_on().await;
        outage.strike(&server, &database).await;
    }
    crowd.goes_on().await;
    let told = crowd.end().await;
    println!("{} joins", told.values().map(Told::len).sum::<usize>());
    joins::audit(&*store, &told).await.expect("as it was told");
}

fn strikes() -> usize {
    if std::env::var_os("MP_FULL").is_some() {
        20
    } else {
        4
    }
}

/// People who join one rush after another until they are told to stop.
struct Crowd {
    tasks: JoinSet<BTreeMap<Partition, Told>>,
    joined: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    fn start(engine: &Engine) -> Self {
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
    async fn goes_on(&self) {
        let enough = self.joined.load(Ordering::Relaxed) + JOINS_BETWEEN;
        let until = Instant::now() + RECOVERY_MAX;
        while self.joined.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < until, "the service does not recover");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> BTreeMap<Partition, Told> {
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
