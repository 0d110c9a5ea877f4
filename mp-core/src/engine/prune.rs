use super::{combiner::Combiner, runner::Runner};
use crate::{
    clock::Timestamp,
    idempotency::{IDEMPOTENCY_PREFIX, Idempotency},
    store::{Batch, CommitId, Key, Partition, Query, Selection, Version, Write},
};

/// How many remembered answers are pruned at a time, at least: as many as the commit before has
/// written, if those are more.
const PAGE_MIN: usize = 256;

/// Whether remembered answers have lapsed is looked at once in so many commits of a partition.
const PRUNE_EVERY: u64 = 64;

/// Returns whether the commit that makes this version looks for answers that have lapsed, whoever makes
/// it.
pub(super) const fn is_due(version: Version) -> bool {
    version.0.is_multiple_of(PRUNE_EVERY)
}

/// What a page of pruning came to.
struct Pruned {
    /// The head that it was done on, and the one that it made; nothing if it may have failed.
    moved: Option<(Version, Version)>,
    /// Whether there may be more to prune.
    more: bool,
}

/// Answers that have lapsed, as they stood at a head.
struct Lapsed {
    head: Version,
    /// Whether there were more.
    more: bool,
    writes: Vec<Write>,
}

impl Runner {
    /// Prunes the answers that have lapsed, after a commit of so many commands.
    ///
    /// A page, if somebody waits: then another one after the next commit, so that what is pruned keeps
    /// up with what is written, and nobody waits for more than a page. Else all.
    pub(super) async fn prune(&mut self, now: Timestamp, commands: usize) {
        loop {
            let page = self.combiner.prune(&self.partition, now, commands).await;
            self.lapsed_left = page.as_ref().is_some_and(|page| page.more);
            let moved = page.as_ref().is_some_and(|page| page.moved.is_some());
            if let Some(Pruned { moved, .. }) = page {
                self.adopt(moved, now);
            }
            let waits = self.turn.is_some()
                || !self.ahead.decided.is_empty()
                || self.combiner.mailboxes.has_waiting(&self.partition);
            // What the store does not take now is tried again after a later commit.
            if !self.lapsed_left || waits || !moved {
                return;
            }
        }
    }

    /// Goes on with the state at the head that the pruning made, which nobody decides otherwise on.
    fn adopt(&mut self, moved: Option<(Version, Version)>, now: Timestamp) {
        match (&mut self.family, moved) {
            (Some(family), Some((from, to))) if family.head() == from => {
                family.pruned(to, now, &Idempotency::lapsed_before(now));
            }
            _ => self.drop_family(),
        }
    }
}

impl Combiner {
    /// Deletes a page of remembered answers that have lapsed; returns nothing if there are none, or
    /// nobody knows.
    ///
    /// It changes nothing that anybody decides on, so whatever goes wrong is left to the next time.
    async fn prune(
        &self,
        partition: &Partition,
        now: Timestamp,
        commands: usize,
    ) -> Option<Pruned> {
        let lapsed = self.lapsed(partition, now, commands.max(PAGE_MIN)).await?;
        let Lapsed { head, more, writes } = lapsed;
        let batch = Batch {
            expect: head,
            commit_id: CommitId::random(),
            at: now,
            writes,
        };
        let committed = self.store.commit(partition, batch).await;
        Some(Pruned {
            moved: committed.ok().map(|version| (head, version)),
            more,
        })
    }

    /// Adds to a batch that the host commits a page of pruning, where one is due: a partition that is
    /// committed to in no other way would keep all answers for ever.
    pub(super) async fn prune_with(&self, partition: &Partition, batch: &mut Batch) {
        let most = self.store.limits().writes_max;
        let page = most.saturating_sub(batch.writes.len()).min(PAGE_MIN);
        if page == 0 || batch.expect == Version::ABSENT || !is_due(batch.expect.next(batch.at)) {
            return;
        }
        if let Some(lapsed) = self.lapsed(partition, batch.at, page).await {
            batch.writes.extend(lapsed.writes);
        }
    }

    /// Returns the deletes of a page of answers that have lapsed; nothing if there are none, or nobody
    /// knows.
    async fn lapsed(&self, partition: &Partition, now: Timestamp, page: usize) -> Option<Lapsed> {
        let query = self.lapsed_by(now, page)?;
        let view = self.store.read(partition, &query).await.ok()?;
        let lapsed = view.records.into_iter();
        let keys = lapsed.map(|record| record.key).filter(|key| !key.is_root());
        let writes: Vec<Write> = keys.map(|key| Write::Delete { key }).collect();
        (!writes.is_empty()).then_some(Lapsed {
            head: view.head,
            more: view.more,
            writes,
        })
    }

    fn lapsed_by(&self, now: Timestamp, page: usize) -> Option<Query> {
        let from = Key::new(IDEMPOTENCY_PREFIX).ok()?;
        let to = Key::new(&Idempotency::lapsed_before(now)).ok()?;
        let limits = self.store.limits();
        let page = page.min(limits.writes_max);
        let page = u32::try_from(page).unwrap_or(u32::MAX);
        Some(Query {
            select: vec![Selection::Range { from, to }],
            limit: page.min(limits.read_max),
        })
    }
}
