use std::collections::BTreeMap;

use mp_core::store::{Key, Limits, Listing, Query, Selection, Store, View};

/// Everything that a store holds: each partition with its head and all its records.
///
/// Deliveries are written by commits only, and every commit moves its partition's head, so they are
/// covered by the heads.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents(BTreeMap<String, View>);

impl Contents {
    pub(crate) async fn of(store: &dyn Listing) -> Self {
        let limit = Limits::STANDARD.read_max;
        let query = Query {
            select: vec![Selection::Prefix(Key::root())],
            limit,
        };
        let partitions = store.partitions(None, limit).await.expect("lists");
        assert!(partitions.len() < limit as usize, "all on one page");
        let mut contents = BTreeMap::new();
        for partition in partitions {
            let view = store.read(&partition, &query).await.expect("reads");
            assert!(!view.more, "{partition} is read whole");
            contents.insert(partition.id().to_owned(), view);
        }
        Self(contents)
    }

    /// Leaves out the host's notes of which keys a caller has used.
    ///
    /// A refused call may leave one: it is made before the operation runs, stands on a page with
    /// other such notes, and says no more than what the key was meant for. The same call with the
    /// same key may still succeed later; another call takes another key.
    pub(crate) fn without_notes(mut self) -> Self {
        self.0.retain(|id, _| id.split('/').nth(1) != Some("idem"));
        self
    }

    /// Names the partitions that are not as they were, if there are any.
    pub(crate) fn changed_since(&self, before: &Self) -> Option<String> {
        let ids = before.0.keys().chain(self.0.keys());
        told(ids.filter(|id| before.0.get(*id) != self.0.get(*id)))
    }

    /// The same for those that were there already.
    pub(crate) fn touched_since(&self, before: &Self) -> Option<String> {
        let ids = before.0.keys();
        told(ids.filter(|id| before.0.get(*id) != self.0.get(*id)))
    }
}

fn told<'a>(changed: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut changed: Vec<&str> = changed.map(String::as_str).collect();
    changed.sort_unstable();
    changed.dedup();
    (!changed.is_empty()).then(|| format!("changes {}", changed.join(", ")))
}

#[tokio::test]
async fn a_commit_of_any_kind_is_seen_but_for_the_notes() {
    use mp_core::store::{Batch, MemoryStore, Partition, Version, Write};

    let store = MemoryStore::new();
    let mut before = Contents::of(&store).await;
    for (id, is_seen) in [("app/order/1", true), ("app/idem/mei", false)] {
        let partition = Partition::parse(id).expect("a partition");
        let write = Write::put(Key::root(), "{}".into());
        let batch = Batch {
            expect: Version::ABSENT,
            commit_id: mp_core::store::CommitId::default(),
            at: mp_core::Timestamp::from_micros(1),
            writes: vec![write],
        };
        store.commit(&partition, batch).await.expect("commits");
        let after = Contents::of(&store).await;
        assert!(after.changed_since(&before).is_some(), "{id}");
        let (noted, known) = (after.without_notes(), before.without_notes());
        assert_eq!(noted.changed_since(&known).is_some(), is_seen, "{id}");
        assert_eq!(noted.touched_since(&known), None, "{id} is new");
        before = Contents::of(&store).await;
    }
}
