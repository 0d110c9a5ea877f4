//! The mean sphere: unit vectors, the chords between them, and metres along its surface.
//!
//! Longitude and latitude are no plane: degrees of longitude shrink towards the poles, and ±180°
//! are neighbours. Unit vectors have neither defect, so everything here works on them.

/// The mean radius of the Earth in metres, (2a + b) / 3 of WGS-84, as the International Union of
/// Geodesy and Geophysics defines it (Moritz, "Geodetic Reference System 1980", 2000).
pub(crate) const EARTH_RADIUS: f64 = 6_371_008.8;

/// By how much a squared chord is widened before it may rule a point out.
///
/// A squared chord and the metres computed from the same two vectors each err by a few units in
/// the last place. Sixty-four of them cover both many times over, so a point outside a widened
/// chord is farther in metres too.
const CHORD_SLACK: f64 = 64.0 * f64::EPSILON;

/// A point of the unit sphere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UnitVector(pub(crate) [f64; 3]);

impl UnitVector {
    /// Returns the vector of a latitude and longitude in degrees.
    ///
    /// Exact where it matters: a pole is one vector whatever the longitude, and so are both sides
    /// of the 180° meridian.
    pub(crate) fn of_degrees(lat: f64, lon: f64) -> Self {
        let (sin_lat, cos_lat) = sin_cos_degrees(lat);
        let (sin_lon, cos_lon) = sin_cos_degrees(lon);
        Self([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])
    }

    /// Returns the squared length of the straight line through the Earth, 0 to 4.
    pub(crate) fn chord_squared(self, other: Self) -> f64 {
        let [x, y, z] = std::array::from_fn(|axis| self.0[axis] - other.0[axis]);
        x * x + y * y + z * z
    }

    /// Returns the metres along the surface.
    ///
    /// Twice the angle between the sides of the rhombus of both vectors (Kahan, "Computing
    /// Cross-Products and Rotations in 2- and 3-Dimensional Euclidean Spaces", 2016, §13): unlike
    /// the arcsine of the haversine or the arccosine of the dot product, it loses nothing near
    /// zero nor near the antipode.
    pub(crate) fn metres(self, other: Self) -> f64 {
        let opposite = Self(other.0.map(|axis| -axis));
        let chord = self.chord_squared(other).sqrt();
        let cochord = self.chord_squared(opposite).sqrt();
        2.0 * chord.atan2(cochord) * EARTH_RADIUS
    }
}

/// Returns the widened squared chord of a distance in metres: whatever lies outside it is farther.
pub(crate) fn reach_of_metres(metres: f64) -> f64 {
    let half_angle = (metres / EARTH_RADIUS / 2.0).min(std::f64::consts::FRAC_PI_2);
    let chord = 2.0 * half_angle.sin();
    widened(chord * chord)
}

/// Returns a squared chord with room for rounding.
pub(crate) fn widened(chord_squared: f64) -> f64 {
    chord_squared * (1.0 + CHORD_SLACK)
}

/// Returns sine and cosine of an angle in degrees, exact at every multiple of 90°.
///
/// The angle is first reduced to ±45°, which degrees allow without rounding (Karney, "Algorithms
/// for geodesics", 2013, and `sincosd` of his GeographicLib).
pub(crate) fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    let quadrants = (degrees / 90.0).round();
    let (sin, cos) = (degrees - 90.0 * quadrants).to_radians().sin_cos();
    match quadrants.rem_euclid(4.0) {
        0.0 => (sin, cos),
        1.0 => (cos, -sin),
        2.0 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_of_90_degrees_are_exact() {
        for (degrees, expected) in [
            (-180.0, (0.0, -1.0)),
            (-90.0, (-1.0, 0.0)),
            (0.0, (0.0, 1.0)),
            (90.0, (1.0, 0.0)),
            (180.0, (0.0, -1.0)),
        ] {
            assert_eq!(sin_cos_degrees(degrees), expected, "{degrees}");
        }
    }

    #[test]
    fn reduction_agrees_with_the_plain_functions() {
        for tenth in -1_800..=1_800 {
            let degrees = f64::from(tenth) / 10.0;
            let (sin, cos) = sin_cos_degrees(degrees);
            assert!(
                (sin - degrees.to_radians().sin()).abs() < 1e-15,
                "{degrees}"
            );
            assert!(
                (cos - degrees.to_radians().cos()).abs() < 1e-15,
                "{degrees}"
            );
        }
    }

    #[test]
    fn a_reach_covers_its_metres_at_every_scale() {
        let from = UnitVector::of_degrees(22.3, 114.2);
        for exponent in 0..=1_000 {
            let angle = 180.0 * 0.97_f64.powi(exponent);
            let to = UnitVector::of_degrees(22.3 - angle.min(112.3), 114.2);
            assert!(
                from.chord_squared(to) <= reach_of_metres(from.metres(to)),
                "{angle}"
            );
        }
    }
}
