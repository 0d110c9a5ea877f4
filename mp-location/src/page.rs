//! The partitions that places live in.
//!
//! An app's places are spread over [`PAGES`] partitions, `{app}/places/{page}`, by the last byte
//! of their ids, which is chance in every id. A page's root counts its places; `p/{id}` holds one.

use std::sync::Arc;

use mp_core::{
    Document,
    engine::{Command, Edits, Family},
    error::{Error, ErrorKind},
    id::AppId,
    idempotency,
    store::Partition,
};
use serde::{Deserialize, Serialize};

use crate::{
    place::{Place, PlaceId},
    places::Places,
};

/// How many partitions an app's places are spread over. It is part of the stored format.
pub(crate) const PAGES: u8 = 64;

/// The prefix of the records that hold places.
pub(crate) const PREFIX: &str = "p/";

/// The root of a page.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Page {
    places: usize,
}

impl Document for Page {
    const KIND: &'static str = "places";
    const FORMAT: u32 = 1;
}

/// Returns the page that a place lives in.
pub(crate) fn page_of(id: PlaceId) -> u8 {
    let [.., last] = id.to_bytes();
    last % PAGES
}

/// Returns the partition of a page.
pub(crate) fn partition(app: &AppId, page: u8) -> Result<Partition, Error> {
    Partition::new(app, "places", &format!("{page:02}"))
}

/// Returns the key of a place's record.
pub(crate) fn key(id: PlaceId) -> String {
    format!("{PREFIX}{id}")
}

/// Returns the place that a record's key names; `None` for records of another kind.
pub(crate) fn place_of(key: &str) -> Option<PlaceId> {
    key.strip_prefix(PREFIX)?.parse().ok()
}

/// Addresses one place.
pub(crate) fn command(app: &AppId, id: PlaceId) -> Result<Command, Error> {
    Ok(Command::on(partition(app, page_of(id))?).key(&key(id)))
}

/// Adds places of one page, all or none; those that are there already, word for word, stay.
pub(crate) fn add(family: &Family, places: &[Place]) -> Result<Edits, Error> {
    let mut edits = Edits::new();
    let mut count = count(family)?;
    for place in places {
        match family.get::<Place>(&key(place.id))? {
            None => {
                count += 1;
                edits.put(&key(place.id), place.clone());
            }
            Some(there) if *there == *place => {}
            // The id is derived from the caller's key, so the key was used for another place.
            Some(_) => return Err(idempotency::key_reused()),
        }
    }
    if count > Places::PAGE_MAX {
        return Err(full());
    }
    if !edits.is_empty() {
        edits.put_root(Page { places: count });
    }
    Ok(edits)
}

/// Returns a place that is there.
pub(crate) fn place(family: &Family, id: PlaceId) -> Result<Arc<Place>, Error> {
    family
        .get::<Place>(&key(id))?
        .ok_or_else(|| Error::not_found("place"))
}

/// Puts another place in the stead of one that is there.
pub(crate) fn replace(family: &Family, place: &Place) -> Result<Edits, Error> {
    let mut edits = Edits::new();
    edits.put_root(Page {
        places: count(family)?,
    });
    edits.put(&key(place.id), place.clone());
    Ok(edits)
}

/// Removes a place that is there.
pub(crate) fn remove(family: &Family, id: PlaceId) -> Result<Edits, Error> {
    let mut edits = Edits::new();
    edits.put_root(Page {
        places: count(family)?.saturating_sub(1),
    });
    edits.delete(&key(id));
    Ok(edits)
}

fn count(family: &Family) -> Result<usize, Error> {
    Ok(family.root::<Page>()?.map_or(0, |page| page.places))
}

fn full() -> Error {
    let message = "this part of the app's places is full: remove some";
    Error::new(ErrorKind::Refused, "places_full", message)
}

#[cfg(test)]
mod tests;
