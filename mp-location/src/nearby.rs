use std::{sync::Arc, time::Duration};

use mp_core::{clock::Timestamp, error::Error, id::Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{place::Place, point::Point};

/// Asks for the places nearest to a point.
///
/// ```
/// use mp_location::{Nearby, Point};
///
/// let temple_street = Point::new(22.3075, 114.1701)?;
/// let nearby = Nearby::to(temple_street).most(5).within(800.0).of("noodles".parse()?);
/// assert_eq!(nearby.k, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nearby {
    /// Where to search from.
    pub from: Point,
    /// The most places wanted, 1 to 100; 10 unless said.
    #[serde(default = "usual_k")]
    #[schemars(range(min = 1, max = 100))]
    pub k: u32,
    /// How far to look, in metres; everywhere unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 20_015_200))]
    pub within_metres: Option<f64>,
    /// Only places of this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// How far the answer may lag behind what other processes wrote, as milliseconds in JSON; one
    /// second unless said. What this process wrote is always in it; zero reads everything anew.
    #[serde(default = "usual_freshness", rename = "freshness_ms", with = "millis")]
    #[schemars(with = "u32")]
    pub freshness: Duration,
}

impl Nearby {
    /// The most places that one search answers.
    pub const K_MAX: u32 = 100;
    /// The farthest a search may be told to look, in metres: half way round the Earth.
    pub const METRES_MAX: f64 = 20_015_200.0;
    /// How many places a search answers unless the caller says otherwise.
    pub const K: u32 = 10;
    /// How far an answer may lag unless the caller says otherwise.
    pub const FRESHNESS: Duration = Duration::from_secs(1);

    /// Asks for the ten nearest places, wherever they are.
    #[must_use]
    pub const fn to(from: Point) -> Self {
        Self {
            from,
            k: Self::K,
            within_metres: None,
            category: None,
            freshness: Self::FRESHNESS,
        }
    }

    /// Asks for at most `k` places, 1 to [`K_MAX`](Self::K_MAX).
    #[must_use]
    pub const fn most(mut self, k: u32) -> Self {
        self.k = k;
        self
    }

    /// Looks no farther than `metres`, up to [`METRES_MAX`](Self::METRES_MAX).
    #[must_use]
    pub const fn within(mut self, metres: f64) -> Self {
        self.within_metres = Some(metres);
        self
    }

    /// Asks for places of one category only.
    #[must_use]
    pub fn of(mut self, category: Name) -> Self {
        self.category = Some(category);
        self
    }

    /// Accepts an answer that lags by up to `freshness` behind what other processes wrote.
    #[must_use]
    pub const fn fresh_to(mut self, freshness: Duration) -> Self {
        self.freshness = freshness;
        self
    }

    /// Refuses what exceeds a limit, by the field's name.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(1..=Self::K_MAX).contains(&self.k) {
            return Err(Error::invalid(
                "k",
                format!("is not between 1 and {}", Self::K_MAX),
            ));
        }
        match self.within_metres {
            Some(metres) if !(0.0..=Self::METRES_MAX).contains(&metres) => {
                let problem = format!("is not between 0 and {}", Self::METRES_MAX);
                Err(Error::invalid("within_metres", problem))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn matches(&self, place: &Place) -> bool {
        self.category
            .as_ref()
            .is_none_or(|category| *category == place.category)
    }
}

/// The places found, nearest first; those equally far in the order of their ids.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NearbyPlaces {
    /// Everything written before this moment was considered.
    pub as_of: Timestamp,
    /// What was found.
    pub places: Vec<Found>,
}

/// A place, and how to get there.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Found {
    /// The place.
    #[schemars(with = "Place")]
    pub place: Arc<Place>,
    /// How far it is, in metres along the great circle.
    pub metres: f64,
    /// Where to turn, in degrees clockwise from north; absent when one is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearing: Option<f64>,
}

const fn usual_k() -> u32 {
    Nearby::K
}

const fn usual_freshness() -> Duration {
    Nearby::FRESHNESS
}

/// A duration as whole milliseconds, up to 49 days.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(u32::try_from(span.as_millis()).unwrap_or(u32::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_millis(u32::deserialize(from)?.into()))
    }
}
