use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{
    Family,
    address::Address,
    ahead::{Ahead, share},
    answers::Done,
    combiner::Combiner,
    fate::Fate,
    job::Job,
    mailbox::Kept,
    prune,
    turn::Taken,
};
use crate::{
    clock::Timestamp,
    error::Error,
    store::{Batch, CommitId, Partition, Selection, StoreError, Version},
};

/// How often a commit is decided anew after conflicts before its callers are told `contended`, and for
/// how long, at least.
const CONFLICTS_MAX: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(1);

/// The largest state that is kept in memory between two batches, in records.
const STATE_RECORDS_MAX: usize = 250_000;

/// The largest, in bytes of values: what is only ever added to, such as a feed, is forgotten now and then
/// and read again as far as somebody asks for it.
const STATE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Works through one partition's mailbox until it is empty.
///
/// While a commit is on its way, the next jobs are decided on the state that it will leave. They are
/// answered only after their own commit, which names the version that the first one made: should
/// the first fail, they are decided anew.
///
/// Dropped before that (its runtime has stopped), it closes the mailbox, so that later commands
/// start a new runner.
pub(super) struct Runner {
    pub(super) combiner: Arc<Combiner>,
    pub(super) partition: Address,
    pub(super) arrival: Arc<Notify>,
    pub(super) family: Option<Box<Family>>,
    /// Whether the family was read after the present jobs were called, so that refusals may rest
    /// on it.
    pub(super) fresh: bool,
    /// How many more turns are taken at the partition, because others commit to it as well.
    pub(super) contended: u32,
    pub(super) turn: Option<Taken>,
    /// Since when no turn was asked for.
    pub(super) calm_since: Instant,
    /// What is decided while a commit is on its way.
    pub(super) ahead: Ahead,
    /// How many of the next jobs are carried out one by one, because together they failed.
    pub(super) alone: usize,
    /// Those who are told as soon as the next commit is on its way: the store waits for nobody while
    /// they are.
    pub(super) done: Option<Done>,
    /// Whether there may be more remembered answers that have lapsed.
    pub(super) lapsed_left: bool,
    finished: bool,
}

/// Jobs that share a commit; of those that were decided ahead, when the last of them was.
struct Round {
    jobs: Vec<Box<dyn Job>>,
    decided: Option<Timestamp>,
}

impl Runner {
    pub(super) fn new(
        combiner: Arc<Combiner>,
        partition: Address,
        kept: Option<Kept>,
        arrival: Arc<Notify>,
    ) -> Self {
        let contended = kept.as_ref().map_or(0, |kept| kept.contended);
        let calm_since = kept.as_ref().and_then(Kept::calm_since);
        let lapsed_left = kept.as_ref().is_some_and(|kept| kept.lapsed_left);
        Self {
            combiner,
            partition,
            arrival,
            family: kept.map(|kept| kept.family),
            fresh: false,
            contended,
            turn: None,
            calm_since: calm_since.unwrap_or_else(Instant::now),
            ahead: Ahead::default(),
            alone: 0,
            done: None,
            lapsed_left,
            finished: false,
        }
    }

    pub(super) async fn run(mut self) {
        while let Some(round) = self.next_round() {
            let many = round.jobs.len() > 1;
            let head = self.head();
            self.carry_out(round).await;
            if many && self.ahead.decided.is_empty() && self.head() != head {
                // Those who were just answered may be about to ask again: let them share the next
                // commit instead of the one after it.
                tokio::task::yield_now().await;
            }
            self.end_turn();
            self.linger().await;
        }
        self.finished = true;
    }

    /// Returns what was decided ahead, else what waits in the mailbox.
    fn next_round(&mut self) -> Option<Round> {
        let ahead = mem::take(&mut self.ahead);
        if !ahead.decided.is_empty() {
            return Some(Round {
                jobs: ahead.decided,
                decided: Some(ahead.now),
            });
        }
        let mailboxes = &self.combiner.mailboxes;
        let (alone, contended, calm_since) = (self.alone > 0, self.contended, self.calm_since);
        let lapsed_left = self.lapsed_left;
        let most = |waiting| match alone {
            true => 1,
            false => share(waiting, 0),
        };
        let family = &mut self.family;
        let keep = || {
            let kept_at = Instant::now();
            family.take().map(|family| Kept {
                family,
                contended,
                calm_since,
                kept_at,
                lapsed_left,
            })
        };
        let jobs = mailboxes.take(&self.partition, most, keep);
        self.alone = self.alone.saturating_sub(jobs.len());
        (!jobs.is_empty()).then_some(Round {
            jobs,
            decided: None,
        })
    }

    /// Decides and commits until the jobs have their answers.
    async fn carry_out(&mut self, round: Round) {
        let Round {
            mut jobs,
            mut decided,
        } = round;
        // What was read before these jobs were taken may be older than their callers know.
        self.fresh = false;
        self.presume_absent(&jobs);
        let (mut conflicts, began) = (0, Instant::now());
        while conflicts < CONFLICTS_MAX || began.elapsed() < PATIENCE {
            let now = match self.decide_in_turn(&mut jobs, decided.take()).await {
                Ok(now) => now,
                Err(error) => return self.fail(jobs, &error),
            };
            let writes = self.writes();
            match self.commit(now, jobs.len()).await {
                Fate::Done(version) => {
                    let (partition, commands) = (self.partition.id(), jobs.len());
                    tracing::trace!(%partition, commands, version = version.0, "committed");
                    self.done = Some(Done { jobs, version });
                    self.bound_state();
                    let due = self.lapsed_left || prune::is_due(version);
                    let prunes = writes && due;
                    if !prunes {
                        // Those whose turn it is need not wait until callers are told.
                        self.end_turn();
                    }
                    if prunes || self.ahead.decided.is_empty() {
                        self.answer();
                    }
                    if prunes {
                        Box::pin(self.prune(now, commands)).await;
                    }
                    return;
                }
                Fate::Failed(error) => return self.fail(jobs, &error),
                Fate::Unclear(error) => jobs = self.keep_remembered(jobs, &error),
                Fate::Again => {
                    tracing::debug!(partition = %self.partition.id(), conflicts, "decided anew");
                    self.drop_family();
                    if writes {
                        self.contend();
                    }
                    self.halve(&mut jobs);
                }
            }
            self.end_turn();
            self.combiner.back_off(self.tries(conflicts)).await;
            conflicts += 1;
        }
        self.fail(jobs, &StoreError::conflict().into());
    }

    /// Begins with the state of a partition that does not exist, where all jobs presume that: it is not
    /// fresh, so that no refusal rests on it, and once it has met a conflict the store is read.
    fn presume_absent(&mut self, jobs: &[Box<dyn Job>]) {
        if self.family.is_none() && jobs.iter().all(|job| job.presumes_absent()) {
            let absent = Family::absent(Partition::clone(&self.partition));
            self.family = Some(Box::new(absent));
        }
    }

    /// Returns whether what was decided writes anything.
    pub(super) fn writes(&self) -> bool {
        let edited = self.family.as_ref().map_or(0, |family| family.edited());
        edited > 0
    }

    /// Decides the jobs unless they are decided already; returns when the last of them was.
    pub(super) async fn decide_or_take(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        decided: Option<Timestamp>,
    ) -> Result<Timestamp, Error> {
        if let Some(now) = decided {
            return Ok(now);
        }
        let now = self.prepare(jobs).await?;
        self.decide(jobs, now);
        Ok(now)
    }

    /// Puts half of the jobs back after a conflict: the fewer there are, the sooner they are read for
    /// and decided, so that in the end they get in between the commits of another process, however
    /// busy it is.
    fn halve(&self, jobs: &mut Vec<Box<dyn Job>>) {
        let waiting = jobs.split_off(jobs.len().div_ceil(2));
        self.combiner.mailboxes.put_back(&self.partition, waiting);
    }

    /// Loads what the jobs read; jobs whose selections are malformed are refused here.
    async fn prepare(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<Timestamp, Error> {
        loop {
            let now = self.now();
            let wanted = selections(jobs, now);
            if !self.load(wanted).await? {
                // Not a later moment: what a decision reads depends on its time.
                return Ok(now);
            }
        }
    }

    /// Reads what is missing; returns whether anything was read.
    async fn load(&mut self, wanted: Vec<Selection>) -> Result<bool, Error> {
        let Some(family) = &mut self.family else {
            let read = self.combiner.read(&self.partition, &wanted).await?;
            self.family = Some(Box::new(read));
            self.fresh = true;
            return Ok(true);
        };
        let missing = family.missing(&wanted);
        if missing.is_empty() {
            return Ok(false);
        }
        let view = self.combiner.view(&self.partition, &missing).await?;
        if family.is_seen_in(&view) {
            family.add(view, &missing);
            self.fresh = true;
        } else {
            self.drop_family();
        }
        Ok(true)
    }

    /// Decides job after job, each on the state the one before has left; those for which the batch
    /// has no room go back into the mailbox.
    pub(super) fn decide(&mut self, jobs: &mut Vec<Box<dyn Job>>, now: Timestamp) {
        let most = self.combiner.store.limits().writes_max;
        let Some(family) = &mut self.family else {
            return;
        };
        let mut full = jobs.len();
        for (position, job) in jobs.iter_mut().enumerate() {
            // A decision that panics takes nobody with it: it edits nothing and has no answer.
            let edits = catch_unwind(AssertUnwindSafe(|| job.decide(family, now)));
            let edits = edits.unwrap_or_default();
            if family.edited() > 0 && family.edited() + edits.len() > most {
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

    async fn commit(&mut self, now: Timestamp, jobs: usize) -> Fate {
        let fate = match self.batch(now) {
            Some(Ok(batch)) => self.send(batch, jobs).await,
            nothing => {
                self.answer();
                match nothing {
                    Some(Err(error)) => return Fate::Failed(error),
                    _ => return self.confirm().await,
                }
            }
        };
        if let (Fate::Done(version), Some(family)) = (&fate, &mut self.family) {
            family.committed(*version);
            self.fresh = false;
        }
        fate
    }

    /// Returns what is to be committed, if anything.
    fn batch(&mut self, now: Timestamp) -> Option<Result<Batch, Error>> {
        let family = self.family.as_mut().filter(|family| family.edited() > 0)?;
        Some(family.send(CommitId::random(), now))
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

    fn bound_state(&mut self) {
        let too_large =
            |family: &Family| family.len() > STATE_RECORDS_MAX || family.bytes() > STATE_BYTES_MAX;
        if self.family.as_deref().is_some_and(too_large) {
            self.drop_family();
        }
    }

    pub(super) fn head(&self) -> Option<Version> {
        self.family.as_ref().map(|family| family.head())
    }

    /// Forgets the state, and with it what was decided on it.
    pub(super) fn drop_family(&mut self) {
        self.family = None;
        self.fresh = false;
        let ahead = mem::take(&mut self.ahead);
        let jobs = ahead.decided.into_iter().chain(ahead.undecided);
        self.combiner
            .mailboxes
            .put_back(&self.partition, jobs.collect());
    }

    /// Returns the time of a decision: inside a partition it never runs back.
    pub(super) fn now(&self) -> Timestamp {
        let at = self
            .family
            .as_ref()
            .map_or(Timestamp::MIN, |family| family.at());
        self.combiner.clock.now().max(at)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // What is known is told, even if the runtime has stopped.
        self.answer();
        if !self.finished {
            self.combiner.mailboxes.abandon(&self.partition);
        }
    }
}

/// Returns what the jobs read; those whose selections are malformed are refused.
pub(super) fn selections(jobs: &mut Vec<Box<dyn Job>>, now: Timestamp) -> Vec<Selection> {
    let mut wanted = Vec::new();
    for job in mem::take(jobs) {
        match job.reads(now, &mut wanted) {
            Ok(()) => jobs.push(job),
            Err(error) => job.fail(error),
        }
    }
    wanted
}
