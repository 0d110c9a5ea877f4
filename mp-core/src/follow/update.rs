use crate::{
    error::{Error, ErrorKind},
    store::{Change, Key, Partition, Query, Selection, Store, Version},
};

/// What became of a partition's records after a version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// The version that it reaches to; [`Version::ABSENT`] if there is no such partition.
    pub head: Version,
    /// Whether these are all records, because nobody knows any more which were deleted since: what
    /// is not among them is gone.
    pub whole: bool,
    /// The root and the records asked for, as they were last put or deleted.
    pub changes: Vec<Change>,
}

impl Update {
    /// Asks a store what became of the root, and of the records whose keys start with `prefix`, after
    /// `since`; from [`Version::ABSENT`] on, these are all of them.
    ///
    /// # Errors
    ///
    /// `partition_full` if there are more records than one read returns; the store's errors.
    pub async fn fetch(
        store: &dyn Store,
        partition: &Partition,
        prefix: &str,
        since: Version,
    ) -> Result<Self, Error> {
        if since == Version::ABSENT {
            return Self::whole(store, partition, prefix).await;
        }
        let limit = store.limits().read_max;
        let mut update = Self {
            head: since,
            whole: false,
            changes: Vec::new(),
        };
        loop {
            let changes = store.changes(partition, update.head, limit).await?;
            if changes.lapsed {
                return Self::whole(store, partition, prefix).await;
            }
            let wanted = |key: &Key| key.is_root() || key.as_str().starts_with(prefix);
            let items = changes.items.into_iter();
            update
                .changes
                .extend(items.filter(|change| wanted(&change.key)));
            update.head = changes.head;
            if !changes.more {
                return Ok(update);
            }
        }
    }

    async fn whole(store: &dyn Store, partition: &Partition, prefix: &str) -> Result<Self, Error> {
        let limit = store.limits().read_max;
        let query = Query {
            select: vec![Selection::Prefix(Key::new(prefix)?)],
            limit,
        };
        let view = store.read(partition, &query).await?;
        if view.more {
            let message = format!("{partition} holds more than {limit} records");
            return Err(Error::new(ErrorKind::Refused, "partition_full", message));
        }
        let records = view.records.into_iter();
        let changes = records.map(|record| Change {
            key: record.key,
            version: record.version,
            value: Some(record.value),
        });
        Ok(Self {
            head: view.head,
            whole: true,
            changes: changes.collect(),
        })
    }
}
