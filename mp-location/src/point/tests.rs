use std::f64::consts::PI;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sphere::EARTH_RADIUS;

/// Metres by which rounding may set two ways of computing one distance apart.
const ROUNDING: f64 = 1e-8;
const HALF_WAY_ROUND: f64 = PI * EARTH_RADIUS;

fn at(lat: f64, lon: f64) -> Point {
    Point::new(lat, lon).expect("the test names a real point")
}

fn points() -> impl Strategy<Value = Point> {
    let edge = prop::sample::select(vec![-90.0, -45.0, 0.0, 45.0, 90.0]);
    let lat = prop_oneof![-90.0..=90.0, edge];
    let meridian = prop::sample::select(vec![-180.0, -90.0, 0.0, 90.0, 180.0]);
    let lon = prop_oneof![-180.0..=180.0, meridian];
    (lat, lon).prop_map(|(lat, lon)| at(lat, lon))
}

proptest! {
    #[test]
    fn distance_is_symmetric(a in points(), b in points()) {
        prop_assert_eq!(a.distance(b), b.distance(a));
    }

    #[test]
    fn distance_to_itself_is_zero(a in points()) {
        prop_assert_eq!(a.distance(a), 0.0);
    }

    #[test]
    fn no_detour_is_shorter(a in points(), b in points(), c in points()) {
        prop_assert!(a.distance(c) <= a.distance(b) + b.distance(c) + ROUNDING);
    }

    #[test]
    fn nothing_is_farther_than_half_way_round(a in points(), b in points()) {
        prop_assert!((0.0..=HALF_WAY_ROUND).contains(&a.distance(b)));
    }

    #[test]
    fn a_pole_is_one_place_whatever_the_longitude(lon in -180.0..=180.0, to in points()) {
        for pole in [-90.0, 90.0] {
            prop_assert_eq!(at(pole, lon).distance(at(pole, 0.0)), 0.0);
            prop_assert_eq!(at(pole, lon).distance(to), at(pole, 0.0).distance(to));
        }
    }

    #[test]
    fn plus_and_minus_180_are_one_meridian(lat in -90.0..=90.0, to in points()) {
        prop_assert_eq!(at(lat, 180.0).distance(at(lat, -180.0)), 0.0);
        prop_assert_eq!(at(lat, 180.0).distance(to), at(lat, -180.0).distance(to));
    }

    #[test]
    fn the_antipode_is_half_way_round(lat in -90.0..=90.0, lon in 0.0..=180.0) {
        let error = at(lat, lon).distance(at(-lat, lon - 180.0)) - HALF_WAY_ROUND;
        prop_assert!(error.abs() < ROUNDING, "{error}");
    }

    #[test]
    fn distance_agrees_with_the_haversine(a in points(), b in points()) {
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let level = a.lat().to_radians().cos() * b.lat().to_radians().cos();
        let haversine = half(a.lat(), b.lat()) + level * half(a.lon(), b.lon());
        let metres = 2.0 * EARTH_RADIUS * haversine.min(1.0).sqrt().asin();
        // The haversine itself is only good to decimetres close to the antipode.
        let tolerance = if haversine > 0.999 { 0.5 } else { 1e-6 };
        prop_assert!((a.distance(b) - metres).abs() < tolerance);
    }

    #[test]
    fn json_reads_back(point in points()) {
        let json = serde_json::to_string(&point)?;
        prop_assert_eq!(serde_json::from_str::<Point>(&json)?, point);
    }
}

#[test]
fn distance_is_within_057_percent_of_the_ellipsoid() {
    // The worst cases are short ways along a meridian, where WGS-84 curves by b²/a at the equator
    // and by a²/b at a pole; then a degree of the equator, and the quarter meridian.
    for (from, to, ellipsoid) in [
        (
            at(0.0, 0.0),
            at(0.001, 0.0),
            6_335_439.327 * 0.001_f64.to_radians(),
        ),
        (
            at(90.0, 0.0),
            at(89.999, 0.0),
            6_399_593.626 * 0.001_f64.to_radians(),
        ),
        (at(0.0, 0.0), at(0.0, 1.0), 111_319.491),
        (at(0.0, 0.0), at(90.0, 0.0), 10_001_965.729),
    ] {
        let error = from.distance(to) / ellipsoid - 1.0;
        assert!(error.abs() <= 0.0057, "{from} to {to}: {error}");
    }
}

#[test]
fn millimetres_are_not_lost() {
    let degrees = 0.001 / EARTH_RADIUS.to_radians();
    let metres = at(22.3, 114.2).distance(at(22.3 + degrees, 114.2));
    assert!((metres - 0.001).abs() < 1e-8, "{metres}");
}

#[test]
fn a_bearing_is_where_the_way_starts() {
    for (from, to, degrees) in [
        (at(0.0, 0.0), at(1.0, 0.0), 0.0),
        (at(0.0, 0.0), at(0.0, 1.0), 90.0),
        (at(0.0, 0.0), at(-1.0, 0.0), 180.0),
        (at(0.0, 179.5), at(0.0, -179.5), 90.0),
        (at(0.0, -179.5), at(0.0, 179.5), 270.0),
        (at(90.0, 17.0), at(0.0, 99.0), 180.0),
        (at(-90.0, 17.0), at(0.0, 99.0), 0.0),
        // Baghdad to Osaka, a worked example of great-circle navigation.
        (at(35.0, 45.0), at(35.0, 135.0), 60.162),
    ] {
        let bearing = from.bearing(to).expect("the points differ");
        assert!(
            (bearing - degrees).abs() < 1e-3,
            "{from} to {to}: {bearing}"
        );
    }
}

#[test]
fn no_bearing_leads_to_the_same_place_or_the_antipode() {
    assert_eq!(at(22.3, 114.2).bearing(at(22.3, 114.2)), None);
    assert_eq!(at(0.0, 0.0).bearing(at(0.0, 180.0)), None);
    assert_eq!(at(90.0, 0.0).bearing(at(90.0, 120.0)), None);
    assert_eq!(at(90.0, 0.0).bearing(at(-90.0, 3.0)), None);
}

#[test]
fn coordinates_that_the_earth_has_not_are_refused_by_name() {
    for lat in [
        90.000_001,
        -90.000_001,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        assert_eq!(Point::new(lat, 0.0), Err(InvalidPoint::Latitude));
    }
    for lon in [
        180.000_001,
        -180.000_001,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        assert_eq!(Point::new(0.0, lon), Err(InvalidPoint::Longitude));
    }
    assert_eq!(
        mp_core::Error::from(InvalidPoint::Latitude).field(),
        Some("lat")
    );
    assert_eq!(
        mp_core::Error::from(InvalidPoint::Longitude).field(),
        Some("lon")
    );
}

#[test]
fn json_is_checked_as_strictly() {
    let read = serde_json::from_value::<Point>;
    assert_eq!(
        read(json!({"lat": 1.5, "lon": -2})).ok(),
        Some(at(1.5, -2.0))
    );
    for wrong in [
        json!({"lat": 91, "lon": 0}),
        json!({"lat": 0, "lon": 181}),
        json!({"lat": 0}),
        json!({"lat": "0", "lon": 0}),
        json!({"lat": 0, "lon": 0, "alt": 5}),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn the_schema_states_the_bounds() {
    let schema = schemars::schema_for!(Point);
    let schema = schema.as_value();
    assert_eq!(schema["properties"]["lat"]["minimum"], -90);
    assert_eq!(schema["properties"]["lat"]["maximum"], 90);
    assert_eq!(schema["properties"]["lon"]["minimum"], -180);
    assert_eq!(schema["properties"]["lon"]["maximum"], 180);
    assert_eq!(schema["additionalProperties"], false);
}
