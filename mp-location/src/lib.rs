//! Nearest-place search that is exact everywhere on the globe, embedded in your app.
//!
//! ```
//! use mp_core::{Caller, Scope};
//! use mp_location::{Nearby, NewPlace, Places, PlacesOptions, Point};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let engine = mp_core::Engine::new(
//! #     std::sync::Arc::new(mp_core::store::MemoryStore::new()),
//! #     std::sync::Arc::new(mp_core::clock::SystemClock),
//! #     std::sync::Arc::new(mp_core::entropy::SystemEntropy::new()),
//! # );
//! let places = Places::new(&engine, &PlacesOptions::default());
//! let vendor = Caller::user("market".parse()?, "mei".parse()?);
//! let stall = NewPlace {
//!     name: "Mei's noodles".parse()?,
//!     category: "noodles".parse()?,
//!     point: Point::new(22.3075, 114.1701)?,
//! };
//! let stall = places.add(&vendor, stall, &"stall-17".parse()?).await?;
//!
//! let visitor = Caller::user("market".parse()?, "tom".parse()?);
//! let hungry = Nearby::to(Point::new(22.3121, 114.1688)?).most(3).of("noodles".parse()?);
//! let found = places.nearby(&visitor, &hungry).await?;
//! assert_eq!(found.places[0].place.id, stall.id);
//! assert_eq!(found.places[0].metres.round(), 529.0);
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - [`Point`]: a place on Earth in WGS-84 degrees, with [distance](Point::distance) and
//!   [bearing](Point::bearing).
//! - [`Place`]: what people go to: a name, a category, a point and an owner, in one app.
//! - [`Places`]: the service: adds, imports, replaces, removes, and answers [`Nearby`].
//! - [`NearbyIndex`]: the search on its own, for points that are not kept in a store.
//!
//! # What is promised
//!
//! - *Exact.* A search answers what looking at each point in turn would, at the poles and across
//!   the 180° meridian as in a city, filtered or not, in one order: by distance, then by id.
//! - *Derived.* What is in memory comes from the store and is rebuilt from it; nothing is lost
//!   with the process. A process finds what it has written at once, and what others wrote within
//!   the [freshness](Nearby::freshness) that the search asks for; the answer says
//!   [as of](NearbyPlaces::as_of) when it holds.
//! - *Owned.* Everybody in an app finds its places; the owner and the app's staff change them; no
//!   other app sees them.
//!
//! # What the host supplies
//!
//! An [`Engine`](mp_core::Engine) with its store and clock, inside a tokio runtime, and where a
//! person is: this crate asks no device. [`Places::operations`] plugs into
//! [`Host`](mp_core::host::Host), under the scopes [`location:read`](LOCATION_READ) and
//! [`location:write`](LOCATION_WRITE). A `Host` asks for them; a typed call asks only whose the place is, and
//! an [import](Places::import) for [`staff`](mp_core::Scope::STAFF).
//!
//! # What it does not do
//!
//! No routes, maps, addresses or geocoding; no live positions of moving things; no fences. A
//! distance is the great circle's on the mean sphere, within 0.57 % of the ellipsoid's. Coordinates
//! in GCJ-02 or BD-09 are to be converted first.
//!
//! There are no crate features.

mod command;
#[cfg(test)]
mod fixtures;
mod follower;
mod followers;
mod index;
mod kd;
mod nearby;
mod operations;
mod page;
mod place;
mod places;
mod point;
mod sphere;

pub use self::{
    command::PlaceCommand,
    index::{INDEX_PENDING_MAX, Near, NearbyIndex},
    nearby::{Found, Nearby, NearbyPlaces},
    operations::{LOCATION_READ, LOCATION_WRITE},
    place::{NewPlace, Place, PlaceId},
    places::{Places, PlacesOptions},
    point::{InvalidPoint, Point},
};
