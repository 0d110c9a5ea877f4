use std::collections::BTreeMap;

use mp_core::{
    caller::{Caller, Scope},
    clock::Timestamp,
    engine::{Command, Family},
    error::{Error, ErrorKind},
    id::IdempotencyKey,
    idempotency::Idempotency,
};
use tokio::task::JoinSet;

use super::Places;
use crate::{
    page::{self, page_of},
    place::{NewPlace, Place, PlaceId},
};

impl Places {
    /// Adds many places that belong to the app itself; for its staff.
    ///
    /// Each of the app's pages is a commit of its own: after an error some of the places may be
    /// there, and the same call with the same key adds those that are missing. A key that was used
    /// for another import adds none, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
    ///
    /// Repeat a call that broke off within that time. Later, places that were removed meanwhile are missing
    /// as well and are added again, and one that was replaced is `idempotency_conflict` for its page, or for
    /// the whole import where it is on the page of the first: import then what is missing under a new key.
    ///
    /// # Errors
    ///
    /// `forbidden` to all but staff, `invalid_field` above [`IMPORT_MAX`](Self::IMPORT_MAX), `places_full`,
    /// `idempotency_conflict`, and the store's errors.
    pub async fn import(
        &self,
        caller: &Caller,
        new: Vec<NewPlace>,
        key: &IdempotencyKey,
    ) -> Result<Vec<Place>, Error> {
        caller.require(&Scope::STAFF)?;
        if new.len() > Self::IMPORT_MAX {
            let problem = format!(
                "has more than {} members: import them in parts",
                Self::IMPORT_MAX
            );
            return Err(Error::invalid("places", problem));
        }
        let once = Idempotency::new(caller, "location.import", key, &new)?;
        let places = owned_by_app(caller, new, key);
        let mut pages = by_page(&places);
        // Every import under the key begins with the same id, so this page knows whether the key was
        // used for another one; then nothing at all is added.
        let first = places.first().map(|place| page_of(place.id));
        if let Some((page, places)) = first.and_then(|page| pages.remove_entry(&page)) {
            self.import_page(caller, page, places, once.clone()).await?;
        }
        let mut imports = JoinSet::new();
        for (page, places) in pages {
            let (this, caller, once) = (self.clone(), caller.clone(), once.clone());
            imports.spawn(async move { this.import_page(&caller, page, places, once).await });
        }
        let mut outcome = Ok(());
        while let Some(import) = imports.join_next().await {
            outcome = outcome.and(import.unwrap_or_else(|_| Err(broke_off())));
        }
        outcome.map(|()| places)
    }

    async fn import_page(
        &self,
        caller: &Caller,
        page: u8,
        places: Vec<Place>,
        once: Idempotency,
    ) -> Result<(), Error> {
        let on_page = Command::on(page::partition(caller.app_id(), page)?).once(once);
        let command = places
            .iter()
            .fold(on_page, |command, place| command.key(&page::key(place.id)));
        let decide = move |family: &Family, _: Timestamp| {
            Ok::<_, Error>(page::add(family, &places)?.answer(()))
        };
        self.write(caller.app_id(), page, command, decide).await
    }
}

fn owned_by_app(caller: &Caller, new: Vec<NewPlace>, key: &IdempotencyKey) -> Vec<Place> {
    let app = caller.app_id();
    let id = |position: usize| {
        let position = position.to_string();
        let origin = [
            app.as_str(),
            caller.key_segment(),
            "import",
            key.as_str(),
            &position,
        ];
        PlaceId::derived(&origin)
    };
    new.into_iter()
        .enumerate()
        .map(|(position, new)| Place::new(id(position), app, None, new))
        .collect()
}

fn by_page(places: &[Place]) -> BTreeMap<u8, Vec<Place>> {
    let mut pages: BTreeMap<u8, Vec<Place>> = BTreeMap::new();
    for place in places {
        pages
            .entry(page_of(place.id))
            .or_default()
            .push(place.clone());
    }
    pages
}

fn broke_off() -> Error {
    let message = "the import broke off: repeat it with the same key";
    Error::new(ErrorKind::Unknown, "abandoned", message)
}
