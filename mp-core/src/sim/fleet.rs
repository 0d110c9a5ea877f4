use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};

use super::{Chance, Process, Workload, life::Life, world::World};
use crate::{
    conformance::Violation,
    error::Error,
    store::Delivery,
    work::{ATTEMPTS_MAX, DeadLetters, LEASE, Worker, WorkerOptions},
};

/// How long nothing happens, in the end, before it is looked whether work is left: longer than any
/// pause and any lease.
const QUIET: Duration = LEASE.saturating_mul(40);

/// How often that is done.
const QUIETS_MAX: u32 = 24;

/// The most dead work that one run leaves.
const DEAD_MAX: u32 = 10_000;

/// The longest time from a crash to the restart, in milliseconds.
const RESTART_MAX: u64 = 3_000;

/// The processes of one run.
pub(super) struct Fleet<W: Workload> {
    pub(super) world: Arc<World>,
    pub(super) workload: Arc<W>,
    /// Those that run at the moment, by number.
    running: Mutex<Vec<Option<Arc<Running<W>>>>>,
}

/// A process that runs.
pub(super) struct Running<W: Workload> {
    pub(super) life: Arc<Life>,
    pub(super) services: W::Services,
    worker: Worker,
    letters: DeadLetters,
}

impl<W: Workload> Fleet<W> {
    /// Starts so many processes, and keeps them running until faults end.
    pub(super) fn start(
        world: Arc<World>,
        workload: Arc<W>,
        count: usize,
    ) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let running = Mutex::new((0..count).map(|_| None).collect());
        let fleet = Arc::new(Self {
            world,
            workload,
            running,
        });
        let keepers = (0..count).map(|number| {
            let running = fleet.boot(number);
            tokio::spawn(fleet.clone().keep(running))
        });
        let keepers = keepers.collect();
        (fleet, keepers)
    }

    fn boot(&self, number: usize) -> Arc<Running<W>> {
        let life = Arc::new(Life::new(&self.world, number));
        let process = Process::new(&life);
        let (services, handlers) = self.workload.start(&process);
        let options = WorkerOptions {
            idle: self.world.mix.idle,
            ..WorkerOptions::default()
        };
        let worker = Worker::new(process.engine(), options).with(handlers);
        let running = Arc::new(Running {
            life,
            services,
            worker,
            letters: DeadLetters::of(process.engine()),
        });
        self.running()[number] = Some(running.clone());
        running
    }

    /// Lets a process work, and another one in its place when it has died.
    async fn keep(self: Arc<Self>, mut running: Arc<Running<W>>) {
        loop {
            let (stop, stopped) = watch::channel(false);
            let work = tokio::spawn({
                let running = running.clone();
                async move { running.worker.run(stopped).await }
            });
            tokio::select! {
                biased;
                () = running.life.death.wait() => work.abort(),
                () = self.world.calm.wait() => {
                    stop.send_replace(true);
                    // A worker that broke off has left its work to the others; had it panicked, the run
                    // would have failed.
                    let _ = work.await;
                    return;
                }
            }
            let number = running.life.number;
            self.running()[number] = None;
            let pause = self.world.chance().below(RESTART_MAX);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            running = self.boot(number);
        }
    }

    /// Returns one of the processes that run, as soon as any does.
    pub(super) async fn any(&self, chance: &mut Chance) -> Arc<Running<W>> {
        loop {
            let running = self.all();
            let number = chance.below(running.len() as u64);
            match running
                .into_iter()
                .nth(usize::try_from(number).unwrap_or_default())
            {
                Some(running) => return running,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Running<W>>> {
        self.running().iter().flatten().cloned().collect()
    }

    /// Lets time pass until all work is done.
    ///
    /// Work that died because faults took its every attempt is driven again, as an operator would;
    /// work that was given up otherwise was given up wrongly.
    pub(super) async fn finish_work(&self) -> Result<(), Violation> {
        self.wait_for_workers().await?;
        for delivery in self.dead_work().await? {
            if delivery.attempts < ATTEMPTS_MAX {
                return Err(told_dead(&delivery));
            }
            self.healthy()?.letters.redrive(&delivery).await?;
        }
        self.wait_for_workers().await?;
        let dead = self.dead_work().await?;
        dead.first()
            .map_or(Ok(()), |delivery| Err(told_dead(delivery)))
    }

    async fn wait_for_workers(&self) -> Result<(), Violation> {
        for _ in 0..QUIETS_MAX {
            tokio::time::sleep(QUIET).await;
            let mut handled = 0;
            for running in self.all() {
                handled += running.worker.drain().await?;
            }
            if handled == 0 {
                return Ok(());
            }
        }
        let hours = QUIET.as_secs() * u64::from(QUIETS_MAX) / 3_600;
        let problem = format!("work is still left {hours} hours after the last fault");
        Err(Violation::new(problem))
    }

    async fn dead_work(&self) -> Result<Vec<Delivery>, Violation> {
        Ok(self.healthy()?.letters.list(None, DEAD_MAX).await?)
    }

    fn healthy(&self) -> Result<Arc<Running<W>>, Violation> {
        let running = self.all().into_iter().next();
        running.ok_or_else(|| Violation::new("no process is left"))
    }

    fn running(&self) -> MutexGuard<'_, Vec<Option<Arc<Running<W>>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told_dead(delivery: &Delivery) -> Violation {
    let Delivery {
        partition,
        key,
        attempts,
        last_error,
        ..
    } = delivery;
    let error = last_error.as_deref().unwrap_or("no error");
    Violation::new(format!(
        "dead after {attempts} attempts: {partition} {key}: {error}"
    ))
}

impl From<Error> for Violation {
    fn from(error: Error) -> Self {
        Self::new(format!("an unforced {:?} error: {error}", error.kind()))
    }
}
