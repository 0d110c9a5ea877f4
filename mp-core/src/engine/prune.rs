use super::{combiner::Combiner, runner::Runner};
use crate::{
    clock::Timestamp,
    idempotency::{IDEMPOTENCY_PREFIX, Idempotency},
    store::{Batch, CommitId, Key, Partition, Query, Selection, Version, Write},
};

/// How many remembered answers are pruned at a time, at least: as many as the commit before has
/// written, if those are more.
const PAGE_MIN: usize = 256;

/// What a page of pruning came to.
struct Pruned {
    /// The head that it was done on, and the one that it made; nothing if it may have failed.
    moved: Option<(Version, Version)>,
    /// Whether there may be more to prune.
    more: bool,
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
        let query = self.lapsed(now, commands)?;
        let view = self.store.read(partition, &query).await.ok()?;
        let lapsed = view
            .records
            .into_iter()
            .filter(|record| !record.key.is_root());
        let writes: Vec<Write> = lapsed
            .map(|record| Write::Delete { key: record.key })
            .collect();
        if writes.is_empty() {
            return None;
        }
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: now,
            writes,
        };
        let committed = self.store.commit(partition, batch).await;
        Some(Pruned {
            moved: committed.ok().map(|version| (view.head, version)),
            more: view.more,
        })
    }

    fn lapsed(&self, now: Timestamp, commands: usize) -> Option<Query> {
        let from = Key::new(IDEMPOTENCY_PREFIX).ok()?;
        let to = Key::new(&Idempotency::lapsed_before(now)).ok()?;
        let limits = self.store.limits();
        let page = commands.max(PAGE_MIN).min(limits.writes_max);
        let page = u32::try_from(page).unwrap_or(u32::MAX);
        Some(Query {
            select: vec![Selection::Range { from, to }],
            limit: page.min(limits.read_max),
        })
    }
}
