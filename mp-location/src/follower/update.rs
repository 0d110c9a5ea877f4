use std::collections::BTreeMap;

use mp_core::{
    document,
    error::Error,
    follow,
    id::AppId,
    store::{Store, Version},
};

use super::Progress;
use crate::{
    page::{PREFIX, partition, place_of},
    place::{Place, PlaceId},
};

/// What became of a page's places after a version.
pub(super) struct Update {
    pub(super) page: u8,
    /// The version that the update reaches to.
    pub(super) head: Version,
    /// How many of this process's doubts the look came after.
    pub(super) doubts: u32,
    /// Whether these are all places of the page, not only those that changed.
    pub(super) whole: bool,
    /// Places by id; `None` where one was removed.
    pub(super) places: BTreeMap<PlaceId, Option<Place>>,
}

impl Update {
    /// Asks the store what changed in a page after what is known.
    pub(super) async fn fetch(
        store: &dyn Store,
        app: &AppId,
        page: u8,
        known: Progress,
    ) -> Result<Self, Error> {
        let partition = partition(app, page)?;
        let update = follow::Update::fetch(store, &partition, PREFIX, known.seen).await?;
        let mut places = BTreeMap::new();
        for change in &update.changes {
            if let Some(id) = place_of(change.key.as_str()) {
                let value = change.value.as_deref();
                let place = value.map(document::decode::<Place>).transpose()?;
                places.insert(id, place.map(|(place, _)| place));
            }
        }
        Ok(Self {
            page,
            doubts: known.doubts,
            head: update.head,
            whole: update.whole,
            places,
        })
    }
}
