use super::combiner::Combiner;
use crate::{
    clock::Timestamp,
    idempotency::{IDEMPOTENCY_PREFIX, Idempotency},
    store::{Batch, CommitId, Key, Partition, Query, Selection, Write},
};

/// How many remembered answers are pruned at a time.
const PRUNE_MAX: u32 = 256;

impl Combiner {
    /// Deletes remembered answers that have lapsed, and returns whether the head may have moved.
    ///
    /// It changes nothing that anybody decides on, so whatever goes wrong is left to the next time.
    pub(super) async fn prune(&self, partition: &Partition, now: Timestamp) -> bool {
        let Some(query) = self.lapsed(now) else {
            return false;
        };
        let Ok(view) = self.store.read(partition, &query).await else {
            return false;
        };
        let lapsed = view
            .records
            .into_iter()
            .filter(|record| !record.key.is_root());
        let writes: Vec<Write> = lapsed
            .map(|record| Write::Delete { key: record.key })
            .collect();
        if writes.is_empty() {
            return false;
        }
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: now,
            writes,
        };
        let _ = self.store.commit(partition, batch).await;
        true
    }

    fn lapsed(&self, now: Timestamp) -> Option<Query> {
        let from = Key::new(IDEMPOTENCY_PREFIX).ok()?;
        let to = Key::new(&Idempotency::lapsed_before(now)).ok()?;
        let limits = self.store.limits();
        let writes_max = u32::try_from(limits.writes_max).unwrap_or(u32::MAX);
        Some(Query {
            select: vec![Selection::Range { from, to }],
            limit: PRUNE_MAX.min(limits.read_max).min(writes_max),
        })
    }
}
