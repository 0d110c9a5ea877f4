//! Partitions for which several processes contend: they take turns there.

use super::{
    Family,
    ahead::BATCH_MAX,
    combiner::Combiner,
    job::Job,
    runner::{Runner, selections},
};
use crate::store::{Held, Hold, Partition, Query, Selection};

/// After how many commits in a row in which nobody else came between a partition is not held any more.
const TURNS: u32 = 64;

impl Runner {
    /// Takes note that a commit has conflicted.
    ///
    /// Whoever commits what was decided while others commit mostly conflicts, and the more of them
    /// there are the less gets done. So from here on the partition is held before it is read.
    pub(super) const fn contend(&mut self) {
        self.contended = TURNS;
    }

    /// Holds the partition if others contend for it, and reads what the jobs ask for; so many times
    /// they have met a conflict.
    pub(super) async fn hold(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        conflicts: u32,
    ) -> Option<Box<dyn Hold>> {
        if self.contended == 0 || self.alone > 0 {
            return None;
        }
        let wanted = selections(jobs, self.now());
        let Some(Held { view, hold }) = self.combiner.hold(&self.partition, &wanted).await else {
            self.contended = 0;
            return None;
        };
        self.contended = match self.head() == Some(view.head) {
            true => self.contended - 1,
            false => TURNS,
        };
        match &mut self.family {
            Some(family) if family.is_seen_in(&view) => family.add(view, &wanted),
            family => {
                let read = Family::new(self.partition.clone(), view, &wanted);
                *family = Some(Box::new(read));
            }
        }
        self.fresh = true;
        if conflicts <= 1 {
            // Beyond that there are to be fewer, as the hold is none that keeps others out.
            self.draw_late(jobs);
        }
        Some(hold)
    }

    /// Draws those who came while the hold was waited for, if they are so many that one more read is
    /// worth it.
    ///
    /// They may know of a later commit than the one that was read: a hold may have ended already.
    fn draw_late(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        let drawn = jobs.len();
        let room = |waiting| match waiting >= drawn {
            true => BATCH_MAX.saturating_sub(drawn),
            false => 0,
        };
        let late = self.combiner.mailboxes.draw(&self.partition, room);
        self.fresh &= late.is_empty();
        jobs.extend(late);
    }
}

impl Combiner {
    async fn hold(&self, partition: &Partition, wanted: &[Selection]) -> Option<Held> {
        let query = Query {
            select: wanted.to_vec(),
            limit: self.store.limits().read_max,
        };
        let held = self.held(partition, &query).await?;
        if held.view.more {
            // It is too large to be read, and that is found out and told without a hold.
            held.hold.release().await;
            return None;
        }
        Some(held)
    }

    /// Holds a partition for whoever contends for it; nothing if it is not to be had.
    pub(super) async fn held(&self, partition: &Partition, query: &Query) -> Option<Held> {
        self.store.hold(partition, query).await.ok()?
    }
}
