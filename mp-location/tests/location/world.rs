//! A world of points, and the slow way to search it.

use mp_location::{NearbyIndex, Point};

/// Points by id: real places, and those that trip up an index.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) points: Vec<(u64, Point)>,
}

/// Ids of points that are no real places start here.
const INVENTED: u64 = 1 << 40;

impl World {
    /// Real places of the whole world; see `tests/data/PLACES-LICENCE.md`.
    pub(crate) fn real() -> Self {
        let mut reader = csv::Reader::from_reader(&include_bytes!("../data/places.csv")[..]);
        let points = reader
            .deserialize()
            .map(|row| {
                let (id, _, lat, lon, _): (u64, String, f64, f64, String) = row.expect("a row");
                (id, at(lat, lon))
            })
            .collect();
        Self { points }
    }

    /// Real places, random points, and both poles, the 180° meridian and one spot many times over.
    pub(crate) fn difficult(random: &mut fastrand::Rng) -> Self {
        let mut world = Self::real();
        world.add((0..1_000).map(|_| anywhere(random)));
        world.add((0..36).map(|n| at(90.0, f64::from(n) * 10.0 - 180.0)));
        world.add((0..36).map(|n| at(-90.0, f64::from(n) * 10.0 - 180.0)));
        world.add((-85..=85).map(|lat| at(f64::from(lat), 180.0)));
        world.add((-85..=85).map(|lat| at(f64::from(lat), -180.0)));
        world.add((0..50).map(|_| at(22.3075, 114.1701)));
        random.shuffle(&mut world.points);
        world
    }

    fn add(&mut self, points: impl Iterator<Item = Point>) {
        let first = INVENTED + self.points.len() as u64;
        self.points.extend((first..).zip(points));
    }

    /// Returns the index of the world, each id its own value.
    pub(crate) fn index(&self) -> NearbyIndex<u64, u64> {
        self.points
            .iter()
            .map(|(id, point)| (*id, *point, *id))
            .collect()
    }

    /// Looks at every point in turn: those within `metres` that match, by distance, then id.
    pub(crate) fn search(
        &self,
        from: Point,
        metres: f64,
        matches: impl Fn(u64) -> bool,
    ) -> Vec<(u64, f64)> {
        let mut found: Vec<(u64, f64)> = self
            .points
            .iter()
            .filter(|(id, _)| matches(*id))
            .map(|(id, point)| (*id, from.distance(*point)))
            .filter(|(_, distance)| *distance <= metres)
            .collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        found
    }

    /// Points to search from, in the kinds that matter: near places, anywhere, at the poles,
    /// along the 180° meridian, and at the antipode of places.
    pub(crate) fn origins(&self, of_each: usize, random: &mut fastrand::Rng) -> Vec<Point> {
        let mut origins = vec![
            at(90.0, 0.0),
            at(-90.0, 0.0),
            at(0.0, 180.0),
            at(0.0, -180.0),
        ];
        for _ in 0..of_each {
            let near = self.points[random.usize(..self.points.len())].1;
            let shift = |random: &mut fastrand::Rng| (random.f64() - 0.5) * 0.1;
            let lat = (near.lat() + shift(random)).clamp(-90.0, 90.0);
            let lon = (near.lon() + shift(random)).clamp(-180.0, 180.0);
            let opposite = if near.lon() > 0.0 {
                near.lon() - 180.0
            } else {
                near.lon() + 180.0
            };
            let sign = if random.bool() { 1.0 } else { -1.0 };
            origins.extend([
                at(lat, lon),
                anywhere(random),
                at(
                    sign * (80.0 + 10.0 * random.f64()),
                    360.0 * random.f64() - 180.0,
                ),
                at(
                    180.0 * random.f64() - 90.0,
                    sign * (179.5 + 0.5 * random.f64()),
                ),
                at(-near.lat(), opposite),
            ]);
        }
        origins
    }
}

/// Returns a point; the test names one that exists.
pub(crate) fn at(lat: f64, lon: f64) -> Point {
    Point::new(lat, lon).expect("the point exists")
}

/// Returns a point from anywhere on the sphere, all places as likely.
pub(crate) fn anywhere(random: &mut fastrand::Rng) -> Point {
    let lat = (2.0 * random.f64() - 1.0).asin().to_degrees();
    at(lat, 360.0 * random.f64() - 180.0)
}
