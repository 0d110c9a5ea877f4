use std::collections::BTreeMap;

use mp_core::{
    document,
    error::Error,
    id::AppId,
    store::{Key, Partition, Query, Selection, Store, Version},
};

use crate::{
    page::{PREFIX, partition, place_of},
    place::{Place, PlaceId},
};

/// What became of a page's places after a version.
pub(super) struct Update {
    pub(super) page: u8,
    /// The version that the update reaches to.
    pub(super) head: Version,
    /// Whether these are all places of the page, not only those that changed.
    pub(super) whole: bool,
    /// Places by id; `None` where one was removed.
    pub(super) places: BTreeMap<PlaceId, Option<Place>>,
}

impl Update {
    /// Asks the store what changed in a page after `since`.
    ///
    /// Where the store has forgotten which records were deleted, the page is read as a whole.
    pub(super) async fn fetch(
        store: &dyn Store,
        app: &AppId,
        page: u8,
        since: Version,
    ) -> Result<Self, Error> {
        let partition = partition(app, page)?;
        let limit = store.limits().read_max;
        let mut update = Self {
            page,
            head: since,
            whole: false,
            places: BTreeMap::new(),
        };
        loop {
            let changes = store.changes(&partition, update.head, limit).await?;
            if changes.lapsed {
                return Self::whole(store, &partition, page).await;
            }
            for change in changes.items {
                update.note(&change.key, change.value.as_deref())?;
            }
            update.head = changes.head;
            if !changes.more {
                return Ok(update);
            }
        }
    }

    async fn whole(store: &dyn Store, partition: &Partition, page: u8) -> Result<Self, Error> {
        let query = Query {
            select: vec![Selection::Prefix(Key::new(PREFIX)?)],
            limit: store.limits().read_max,
        };
        let view = store.read(partition, &query).await?;
        let mut update = Self {
            page,
            head: view.head,
            whole: true,
            places: BTreeMap::new(),
        };
        for record in view.records {
            update.note(&record.key, Some(&record.value))?;
        }
        Ok(update)
    }

    /// Takes note of a record, if it holds a place.
    fn note(&mut self, key: &Key, value: Option<&[u8]>) -> Result<(), Error> {
        let Some(id) = place_of(key.as_str()) else {
            return Ok(());
        };
        let place = value.map(document::decode::<Place>).transpose()?;
        self.places.insert(id, place.map(|(place, _)| place));
        Ok(())
    }
}
