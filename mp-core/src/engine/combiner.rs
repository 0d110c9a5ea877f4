use std::{sync::Arc, time::Duration};

use super::{
    Family,
    job::Job,
    mailbox::{Accepted, Mailboxes},
};
use crate::{
    clock::{Clock, Timestamp},
    error::{Error, ErrorKind},
    idempotency::{IDEMPOTENCY_PREFIX, Idempotency},
    store::{
        Batch, CommitId, Key, Partition, Query, Selection, Store, StoreError, StoreErrorKind,
        Version, View, Write,
    },
};

/// The most commands that one commit carries.
const BATCH_MAX: usize = 512;

/// How often a commit is decided anew after conflicts before its callers are told `contended`.
const CONFLICTS_MAX: u32 = 64;

/// How often the head is asked for after a lost answer before the callers are told.
const ASKS_MAX: u32 = 8;

/// The longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_millis(50);

/// The largest state that is kept in memory between two batches, in records.
const STATE_RECORDS_MAX: usize = 250_000;

/// Remembered answers that have lapsed are pruned once in so many commits of a partition, so many
/// at a time.
const PRUNE_EVERY: u64 = 64;
const PRUNE_MAX: u32 = 256;

pub(super) struct Combiner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mailboxes: Mailboxes,
}

/// What became of a batch.
enum Fate {
    Done(Version),
    /// The head moved, or what became of the batch can be told by deciding again.
    Again,
    Failed(Error),
}

impl Combiner {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            mailboxes: Mailboxes::new(),
        }
    }

    /// Takes a job; the runner is a task of its own, so the caller may stop waiting.
    pub(super) fn accept(
        self: &Arc<Self>,
        partition: &Partition,
        job: Box<dyn Job>,
    ) -> Result<(), Error> {
        if let Accepted::Start(kept) = self.mailboxes.accept(partition, job)? {
            let runner = Runner {
                combiner: self.clone(),
                partition: partition.clone(),
                family: kept,
                fresh: false,
            };
            tokio::spawn(runner.run());
        }
        Ok(())
    }

    /// Reads what `reads` selects, of one head, with the time of the decision.
    pub(super) async fn load(
        &self,
        partition: &Partition,
        reads: impl Fn(Timestamp) -> Result<Vec<Selection>, Error>,
    ) -> Result<(Family, Timestamp), Error> {
        let wanted = reads(self.clock.now())?;
        let mut family = self.read(partition, wanted).await?;
        let now = self.clock.now().max(family.at());
        let missing = family.missing(&reads(now)?);
        if !missing.is_empty() {
            family = self.read(partition, reads(now)?).await?;
        }
        Ok((family, now))
    }

    async fn read(&self, partition: &Partition, wanted: Vec<Selection>) -> Result<Family, Error> {
        let view = self.view(partition, &wanted).await?;
        Ok(Family::new(partition.clone(), view, &wanted))
    }

    async fn view(&self, partition: &Partition, wanted: &[Selection]) -> Result<View, Error> {
        let limit = self.store.limits().read_max;
        let view = self
            .store
            .read(
                partition,
                &Query {
                    select: wanted.to_vec(),
                    limit,
                },
            )
            .await?;
        if view.more {
            let message = format!("{partition} holds more than {limit} records");
            return Err(Error::new(ErrorKind::Refused, "partition_full", message));
        }
        Ok(view)
    }
}

/// Works through one partition's mailbox until it is empty.
struct Runner {
    combiner: Arc<Combiner>,
    partition: Partition,
    family: Option<Family>,
    /// Whether the family was read since the last commit, so that refusals may rest on it.
    fresh: bool,
}

/// Closes the mailbox if a decision panics, so that later commands start a new runner.
struct Closing<'a>(&'a Combiner, &'a Partition, bool);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if self.2 {
            self.0.mailboxes.abandon(self.1);
        }
    }
}

impl Runner {
    async fn run(mut self) {
        let combiner = self.combiner.clone();
        let partition = self.partition.clone();
        let mut closing = Closing(&combiner, &partition, true);
        loop {
            let jobs = combiner
                .mailboxes
                .take(&partition, BATCH_MAX, &mut self.family);
            if jobs.is_empty() {
                break;
            }
            self.carry_out(jobs).await;
        }
        closing.2 = false;
    }

    /// Decides and commits until the jobs have their answers.
    async fn carry_out(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        for conflicts in 0..CONFLICTS_MAX {
            let now = match self.prepare(&mut jobs).await {
                Ok(now) => now,
                Err(error) => return self.fail(jobs, &error),
            };
            self.decide(&mut jobs, now);
            let remembered = jobs.iter().all(|job| job.is_remembered());
            match self.commit(remembered, now).await {
                Fate::Done(version) => return self.answer(jobs, version, now).await,
                Fate::Failed(error) => return self.fail(jobs, &error),
                Fate::Again => self.drop_family(),
            }
            back_off(conflicts).await;
        }
        self.fail(jobs, &StoreError::conflict().into());
    }

    /// Loads what the jobs read; jobs whose selections are malformed are refused here.
    async fn prepare(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<Timestamp, Error> {
        loop {
            let now = self.now();
            let mut wanted = Vec::new();
            for job in std::mem::take(jobs) {
                match job.reads(now) {
                    Ok(reads) => {
                        wanted.extend(reads);
                        jobs.push(job);
                    }
                    Err(error) => job.fail(error),
                }
            }
            if !self.load(wanted).await? {
                return Ok(self.now());
            }
        }
    }

    /// Reads what is missing; returns whether anything was read.
    async fn load(&mut self, wanted: Vec<Selection>) -> Result<bool, Error> {
        let Some(family) = &mut self.family else {
            self.family = Some(self.combiner.read(&self.partition, wanted).await?);
            self.fresh = true;
            return Ok(true);
        };
        let missing = family.missing(&wanted);
        if missing.is_empty() {
            return Ok(false);
        }
        let view = self.combiner.view(&self.partition, &missing).await?;
        if view.head == family.head() {
            family.add(view, &missing);
            self.fresh = true;
        } else {
            self.drop_family();
        }
        Ok(true)
    }

    /// Decides job after job, each on the state the one before has left; those for which the batch
    /// has no room go back into the mailbox.
    fn decide(&mut self, jobs: &mut Vec<Box<dyn Job>>, now: Timestamp) {
        let most = self.combiner.store.limits().writes_max - PRUNE_MAX as usize;
        let Some(family) = &mut self.family else {
            return;
        };
        let mut full = jobs.len();
        for (position, job) in jobs.iter_mut().enumerate() {
            let edits = job.decide(family, now);
            if position > 0 && family.edited() + edits.len() > most {
                full = position;
                break;
            }
            family.apply(edits);
        }
        if full < jobs.len() {
            let waiting = jobs.split_off(full);
            self.combiner.mailboxes.put_back(&self.partition, waiting);
        }
    }

    async fn commit(&mut self, remembered: bool, now: Timestamp) -> Fate {
        let Some(family) = &self.family else {
            return Fate::Again;
        };
        if family.edited() == 0 {
            return self.confirm().await;
        }
        let batch = match family.batch(CommitId::random(), now) {
            Ok(batch) => batch,
            Err(error) => return Fate::Failed(error),
        };
        let fate = self.send(batch, remembered).await;
        if let (Fate::Done(version), Some(family)) = (&fate, &mut self.family) {
            family.committed(*version, now);
            self.fresh = false;
        }
        fate
    }

    /// Makes sure that answers which change nothing rest on the present head.
    async fn confirm(&mut self) -> Fate {
        let Some(family) = &self.family else {
            return Fate::Again;
        };
        if self.fresh {
            return Fate::Done(family.head());
        }
        match self.combiner.view(&self.partition, &[]).await {
            Ok(view) if view.head == family.head() => Fate::Done(view.head),
            Ok(_) => Fate::Again,
            Err(error) => Fate::Failed(error),
        }
    }

    /// Commits, and finds out what became of the batch if the answer is lost.
    async fn send(&self, batch: Batch, remembered: bool) -> Fate {
        for asks in 0..ASKS_MAX {
            match self
                .combiner
                .store
                .commit(&self.partition, batch.clone())
                .await
            {
                Ok(version) => return Fate::Done(version),
                Err(error) if error.kind() == StoreErrorKind::Conflict => {
                    // After a lost answer the conflict may be with the first copy of this batch.
                    return if asks == 0 {
                        Fate::Again
                    } else {
                        self.ask(&batch, remembered).await
                    };
                }
                Err(error) if error.kind() == StoreErrorKind::Unknown => {}
                Err(error) => return Fate::Failed(error.into()),
            }
            match self.combiner.view(&self.partition, &[]).await {
                // The head did not move: the same batch may be sent again under the same id.
                Ok(view) if view.head == batch.expect => {}
                Ok(view) => return fate_by_head(&view, &batch, remembered),
                Err(_) => {}
            }
            back_off(asks).await;
        }
        Fate::Failed(outcome_unknown())
    }

    async fn ask(&self, batch: &Batch, remembered: bool) -> Fate {
        match self.combiner.view(&self.partition, &[]).await {
            Ok(view) => fate_by_head(&view, batch, remembered),
            Err(_) => Fate::Failed(outcome_unknown()),
        }
    }

    async fn answer(&mut self, jobs: Vec<Box<dyn Job>>, version: Version, now: Timestamp) {
        for job in jobs {
            job.answer(version, now);
        }
        if self
            .family
            .as_ref()
            .is_some_and(|family| family.len() > STATE_RECORDS_MAX)
        {
            self.drop_family();
        }
        if version.0.is_multiple_of(PRUNE_EVERY) {
            self.prune(now).await;
        }
    }

    /// Deletes remembered answers that have lapsed. It changes nothing that anybody decides on, so
    /// whatever goes wrong is left to the next time.
    async fn prune(&mut self, now: Timestamp) {
        let (Ok(from), Ok(to)) = (
            Key::new(IDEMPOTENCY_PREFIX),
            Key::new(&Idempotency::lapsed_before(now)),
        ) else {
            return;
        };
        let query = Query {
            select: vec![Selection::Range { from, to }],
            limit: PRUNE_MAX,
        };
        let Ok(view) = self.combiner.store.read(&self.partition, &query).await else {
            return;
        };
        let lapsed: Vec<Key> = view
            .records
            .into_iter()
            .map(|record| record.key)
            .filter(|key| !key.is_root())
            .collect();
        if lapsed.is_empty() {
            return;
        }
        self.drop_family();
        let writes = lapsed
            .into_iter()
            .map(|key| Write::Delete { key })
            .collect();
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: now,
            writes,
        };
        let _ = self.combiner.store.commit(&self.partition, batch).await;
    }

    fn fail(&mut self, jobs: Vec<Box<dyn Job>>, error: &Error) {
        self.drop_family();
        for job in jobs {
            job.fail(error.clone());
        }
    }

    fn drop_family(&mut self) {
        self.family = None;
        self.fresh = false;
    }

    /// Returns the time of a decision: inside a partition it never runs back.
    fn now(&self) -> Timestamp {
        let at = self.family.as_ref().map_or(Timestamp::MIN, Family::at);
        self.combiner.clock.now().max(at)
    }
}

/// Tells by a head that moved what became of a batch whose answer was lost.
fn fate_by_head(view: &View, batch: &Batch, remembered: bool) -> Fate {
    if view.commit_id == batch.commit_id {
        Fate::Done(view.head)
    } else if view.head == batch.expect || remembered {
        // The commands' own records in the partition tell whether they took effect: deciding again
        // either recalls their answers or is the first time.
        Fate::Again
    } else {
        Fate::Failed(outcome_unknown())
    }
}

fn outcome_unknown() -> Error {
    let message = "it is not known whether the command took effect: read, then decide";
    Error::new(ErrorKind::Unknown, "store_outcome_unknown", message)
}

/// Waits a while that doubles with each try and differs between processes.
async fn back_off(tries: u32) {
    if tries == 0 {
        return;
    }
    let most = Duration::from_micros(200)
        .saturating_mul(1 << tries.min(10))
        .min(BACKOFF_MAX);
    let nanos = u64::try_from(CommitId::random().0 % most.as_nanos().max(1)).unwrap_or_default();
    tokio::time::sleep(Duration::from_nanos(nanos)).await;
}
