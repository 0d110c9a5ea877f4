//! Partitions for which several processes contend: they take turns there.

use std::time::Duration;

use tokio::{
    task::yield_now,
    time::{Instant, timeout},
};

use super::{
    Family,
    ahead::share,
    combiner::Combiner,
    job::Job,
    mailbox::Kept,
    runner::{Runner, selections},
};
use crate::{
    clock::Timestamp,
    error::Error,
    store::{InTurn, Partition, Query, Selection, StoreError, Turn},
};

/// How long a turn lasts. The longer it is, the less time is lost from one to the next, and the longer
/// all others wait.
const TURN_MAX: Duration = Duration::from_millis(15);

/// How long commits may follow on each other without a turn: who does not know of others waits for
/// nobody, and somebody may be trying in vain to get in between.
const CALM_MAX: Duration = Duration::from_millis(25);

/// For how much longer no turn is asked for that nobody is known to wait for, when none was to be had.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// How far apart commits are, at most, that follow on each other: others hardly get in between.
const GAP_MAX: Duration = Duration::from_millis(10);

/// How long a turn is kept for nobody: those who were just told may be about to ask again, and would have
/// to wait until all others have had theirs.
const LINGER_MAX: Duration = Duration::from_millis(1);

/// In a turn no pause after a conflict is longer than the one after so many of them.
const TRIES_MAX: u32 = 2;

/// After how many turns in a row before which nobody else came none are taken any more.
const TURNS: u32 = 8;

/// A turn that was taken, which ends when it is dropped.
pub(super) struct Taken {
    began: Instant,
    _turn: Box<dyn Turn>,
}

impl Kept {
    /// Returns since when no turn was asked for, if whoever begins now follows on those before.
    pub(super) fn calm_since(&self) -> Option<Instant> {
        (self.kept_at.elapsed() < GAP_MAX).then_some(self.calm_since)
    }
}

impl Runner {
    /// Takes note that a commit has conflicted.
    ///
    /// Whoever commits what was decided while others commit mostly conflicts, and the more of them
    /// there are the less gets done. So from here on commits are made in turns.
    pub(super) const fn contend(&mut self) {
        self.contended = TURNS;
    }

    /// Returns whether the turn is over: then nothing is decided ahead, which others could come
    /// between.
    pub(super) fn turn_is_over(&self) -> bool {
        let turn = self.turn.as_ref();
        turn.is_some_and(|turn| turn.began.elapsed() >= TURN_MAX)
    }

    /// Ends a turn that is over, unless there is still something that was decided in it.
    pub(super) fn end_turn(&mut self) {
        if self.turn_is_over() && self.ahead.decided.is_empty() {
            self.turn = None;
        }
    }

    /// Returns after how many tries as many conflicts are to be paused for: in a turn others wait, and who
    /// does not know of others is soon to ask for one.
    pub(super) fn tries(&self, conflicts: u32) -> u32 {
        match self.turn {
            Some(_) => conflicts.min(TRIES_MAX),
            None => conflicts,
        }
    }

    /// Waits a moment for the next job, as long as there is a turn.
    pub(super) async fn linger(&mut self) {
        if self.turn.is_none() || !self.ahead.decided.is_empty() {
            return;
        }
        let (mailboxes, partition) = (&self.combiner.mailboxes, &self.partition);
        let (arrival, nobody) = (&self.arrival, || !mailboxes.has_waiting(partition));
        let arrival = async {
            while nobody() {
                arrival.notified().await;
            }
            // Whoever comes first seldom comes alone.
            yield_now().await;
        };
        drop(timeout(LINGER_MAX, arrival).await);
    }

    /// Returns whether a turn is to be waited for.
    fn waits(&self) -> bool {
        let due = || self.calm_since.elapsed() >= CALM_MAX;
        self.turn.is_none() && self.alone == 0 && (self.contended > 0 || due())
    }

    /// Decides the jobs unless they are decided already, in a turn if they write and others contend;
    /// returns when the last of them was.
    ///
    /// They are decided before the turn is waited for, since those who only look need none; and anew if
    /// others came meanwhile.
    pub(super) async fn decide_in_turn(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        decided: Option<Timestamp>,
    ) -> Result<Timestamp, Error> {
        let now = self.decide_or_take(jobs, decided).await?;
        if self.waits() && self.writes() && self.take_turn(jobs, now).await {
            return self.decide_or_take(jobs, None).await;
        }
        Ok(now)
    }

    /// Waits for a turn, if it is to be had; returns whether the head has moved meanwhile.
    async fn take_turn(&mut self, jobs: &mut Vec<Box<dyn Job>>, now: Timestamp) -> bool {
        // Whoever has an answer is not to wait for others' turns.
        self.answer();
        let wanted = match self.contended {
            // There is hardly anybody else, and then it is all in memory.
            0 => Vec::new(),
            _ => selections(jobs, now),
        };
        let taken = self.combiner.take_turn(&self.partition, &wanted).await;
        let Ok(Some(InTurn { view, turn })) = taken else {
            self.contended = self.contended.saturating_sub(1);
            self.calm_since = Instant::now() + REFUSED_PAUSE;
            return false;
        };
        self.calm_since = Instant::now();
        let moved = self.head() != Some(view.head);
        self.contended = match moved {
            true => TURNS,
            false => self.contended.saturating_sub(1),
        };
        self.turn = (self.contended > 0).then(|| Taken {
            began: Instant::now(),
            _turn: turn,
        });
        if !moved {
            return false;
        }
        self.drop_family();
        let read = Family::new(Partition::clone(&self.partition), view, &wanted);
        self.family = Some(Box::new(read));
        self.fresh = true;
        self.draw_late(jobs);
        true
    }

    /// Draws those who came while the turn was waited for.
    ///
    /// They may know of a later commit than the one that was read, since nobody is kept from
    /// committing.
    fn draw_late(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        let drawn = jobs.len();
        let room = |waiting| share(waiting + drawn, 0).saturating_sub(drawn);
        let late = self.combiner.mailboxes.draw(&self.partition, room);
        self.fresh &= late.is_empty();
        jobs.extend(late);
    }
}

impl Combiner {
    async fn take_turn(
        &self,
        partition: &Partition,
        wanted: &[Selection],
    ) -> Result<Option<InTurn>, StoreError> {
        let query = Query {
            select: wanted.to_vec(),
            limit: self.store.limits().read_max,
        };
        let taken = self.store.take_turn(partition, &query).await?;
        // What is too large to be read is found out and told without a turn.
        Ok(taken.filter(|taken| !taken.view.more))
    }
}
