use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sphere::{UnitVector, sin_cos_degrees};

/// A point of the Earth's surface: WGS-84 latitude and longitude in degrees.
///
/// In JSON it is `{"lat": 22.3075, "lon": 114.1701}`. Coordinates in the Chinese datums GCJ-02 and
/// BD-09 lie up to a kilometre off: convert them first.
///
/// ```
/// use mp_location::Point;
///
/// let temple_street = Point::new(22.3075, 114.1701)?;
/// let star_ferry = Point::new(22.2937, 114.1688)?;
/// assert_eq!(temple_street.distance(star_ferry).round(), 1540.0);
/// assert_eq!(temple_street.to_string(), "22.3075,114.1701");
/// # Ok::<(), mp_location::InvalidPoint>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(try_from = "Degrees", into = "Degrees")]
pub struct Point {
    lat: f64,
    lon: f64,
}

impl Point {
    /// Checks and keeps a latitude of −90 to 90 and a longitude of −180 to 180 degrees.
    ///
    /// # Errors
    ///
    /// [`InvalidPoint`] names the coordinate that is out of range or not a number.
    pub fn new(lat: f64, lon: f64) -> Result<Self, InvalidPoint> {
        if !(-90.0..=90.0).contains(&lat) {
            Err(InvalidPoint::Latitude)
        } else if !(-180.0..=180.0).contains(&lon) {
            Err(InvalidPoint::Longitude)
        } else {
            Ok(Self { lat, lon })
        }
    }

    /// Returns the latitude in degrees, north positive.
    #[must_use]
    pub const fn lat(self) -> f64 {
        self.lat
    }

    /// Returns the longitude in degrees, east positive.
    #[must_use]
    pub const fn lon(self) -> f64 {
        self.lon
    }

    /// Returns the distance to `other` in metres along the great circle of the mean sphere
    /// (R = 6 371 008.8 m, IUGG).
    ///
    /// It differs from the shortest way on the WGS-84 ellipsoid by at most 0.57 %, and is as
    /// precise between neighbours, at the poles and at antipodes as anywhere else.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        self.unit_vector().metres(other.unit_vector())
    }

    /// Returns the direction in which the great circle to `other` starts, in degrees clockwise
    /// from north, 0 to 360.
    ///
    /// `None` where every direction is as good: to the same place, and to the antipode. From a
    /// pole all ways lead south, or north.
    #[must_use]
    pub fn bearing(self, other: Self) -> Option<f64> {
        let (sin_from, cos_from) = sin_cos_degrees(self.lat);
        let (sin_to, cos_to) = sin_cos_degrees(other.lat);
        let turn = (other.lon - self.lon) % 360.0;
        let (sin_turn, cos_turn) = sin_cos_degrees(turn);
        let east = sin_turn * cos_to;
        let north = cos_from * sin_to - sin_from * cos_to * cos_turn;
        if east.hypot(north) < SAME_DIRECTION {
            return None;
        }
        if cos_from == 0.0 {
            return Some(if sin_from > 0.0 { 180.0 } else { 0.0 });
        }
        Some(east.atan2(north).to_degrees().rem_euclid(360.0))
    }

    pub(crate) fn unit_vector(self) -> UnitVector {
        UnitVector::of_degrees(self.lat, self.lon)
    }
}

/// Below this sine of the angle between two points (6 nanometres) a bearing is rounding noise.
const SAME_DIRECTION: f64 = 1e-15;

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.lat, self.lon)
    }
}

/// A coordinate is not a number of degrees that the Earth has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPoint {
    /// The latitude is out of range or not a number.
    #[error("lat is not between -90 and 90 degrees")]
    Latitude,
    /// The longitude is out of range or not a number.
    #[error("lon is not between -180 and 180 degrees")]
    Longitude,
}

impl From<InvalidPoint> for mp_core::Error {
    fn from(error: InvalidPoint) -> Self {
        match error {
            InvalidPoint::Latitude => Self::invalid("lat", "is not between -90 and 90 degrees"),
            InvalidPoint::Longitude => Self::invalid("lon", "is not between -180 and 180 degrees"),
        }
    }
}

/// A point as JSON has it, before it is checked.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Point")]
struct Degrees {
    /// WGS-84 latitude in degrees, north positive.
    #[schemars(range(min = -90, max = 90))]
    lat: f64,
    /// WGS-84 longitude in degrees, east positive.
    #[schemars(range(min = -180, max = 180))]
    lon: f64,
}

impl TryFrom<Degrees> for Point {
    type Error = InvalidPoint;

    fn try_from(degrees: Degrees) -> Result<Self, InvalidPoint> {
        Self::new(degrees.lat, degrees.lon)
    }
}

impl From<Point> for Degrees {
    fn from(point: Point) -> Self {
        Self {
            lat: point.lat,
            lon: point.lon,
        }
    }
}

#[cfg(test)]
mod tests;
