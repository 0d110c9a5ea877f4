use mp_core::{
    Document,
    caller::{Caller, Scope},
    error::Error,
    id::{AppId, Name, UserId},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::point::Point;

mp_core::id_type!(
    /// Names a place.
    pub PlaceId, "pl"
);

/// Somewhere people go: a stall, a shop, a stop.
///
/// Everybody in its app may see it; its owner and the app's staff may change it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// The app it belongs to; no other app ever sees it.
    pub app: AppId,
    /// Who added it; absent for a place that the app itself imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// What people call it.
    pub name: Label,
    /// What kind of place it is, in the app's own words, such as `noodles`.
    pub category: Name,
    /// Where it is.
    pub point: Point,
}

impl Document for Place {
    const KIND: &'static str = "place";
    const FORMAT: u32 = 1;
}

/// What a caller says about a place: everything but whose it is.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewPlace {
    /// What people call it.
    pub name: Label,
    /// What kind of place it is, in the app's own words, such as `noodles`.
    pub category: Name,
    /// Where it is.
    pub point: Point,
}

impl Place {
    pub(crate) fn new(id: PlaceId, app: &AppId, owner: Option<&UserId>, new: NewPlace) -> Self {
        Self {
            id,
            app: app.clone(),
            owner: owner.cloned(),
            name: new.name,
            category: new.category,
            point: new.point,
        }
    }

    /// Returns the same place with what is newly said about it.
    pub(crate) fn with(&self, new: NewPlace) -> Self {
        Self::new(self.id, &self.app, self.owner.as_ref(), new)
    }

    /// Refuses a change by anybody but the owner and the app's staff.
    pub(crate) fn require_owner(&self, caller: &Caller) -> Result<(), Error> {
        match &self.owner {
            Some(owner) => caller.require_owner("place", &self.app, owner),
            None if *caller.app_id() == self.app && caller.has(&Scope::STAFF) => Ok(()),
            None => Err(Error::not_found("place")),
        }
    }
}
