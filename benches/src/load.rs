use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

/// How a side is loaded: so many tasks at once, each repeating its command, for so long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many tasks call at once.
    pub tasks: usize,
    /// For how long.
    pub span: Duration,
}

/// What came of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throughput {
    /// Commands carried out per second.
    pub per_second: f64,
    /// The time that 99 of 100 commands took at most.
    pub p99: Duration,
}

impl Throughput {
    /// Returns what comes of it if each command stands for so many.
    #[must_use]
    pub fn of_many(self, count: usize) -> Self {
        Self {
            per_second: self.per_second * count as f64,
            p99: self.p99,
        }
    }
}

impl Load {
    /// Runs `command(task, turn)` over and over in every task, and counts.
    ///
    /// # Panics
    ///
    /// If a command panics: its measurement would be worth nothing.
    pub fn run<F, R>(&self, runtime: &Runtime, command: F) -> Throughput
    where
        F: Fn(usize, u64) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let command = Arc::new(command);
        let done = Arc::new(AtomicU64::new(0));
        let started = Instant::now();
        let until = started + self.span;
        let mut latencies = runtime.block_on(async {
            let tasks: Vec<_> = (0..self.tasks)
                .map(|task| tokio::spawn(repeat(task, until, command.clone(), done.clone())))
                .collect();
            let mut latencies = Vec::new();
            for task in tasks {
                latencies.extend(task.await.expect("a command panicked"));
            }
            latencies
        });
        let seconds = started.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let p99 = latencies
            .get(latencies.len() * 99 / 100)
            .copied()
            .unwrap_or_default();
        let count = u32::try_from(done.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        Throughput {
            per_second: f64::from(count) / seconds,
            p99,
        }
    }
}

async fn repeat<F, R>(
    task: usize,
    until: Instant,
    command: Arc<F>,
    done: Arc<AtomicU64>,
) -> Vec<Duration>
where
    F: Fn(usize, u64) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let mut latencies = Vec::new();
    let mut turn = 0;
    while Instant::now() < until {
        let started = Instant::now();
        command(task, turn).await;
        latencies.push(started.elapsed());
        done.fetch_add(1, Ordering::Relaxed);
        turn += 1;
    }
    latencies
}
