//! Every answer of [`NearbyIndex`] equals that of looking at each point in turn.

use mp_location::{INDEX_PENDING_MAX, Near, NearbyIndex, Point};

use crate::world::{World, anywhere, at};

const HALF_WAY_ROUND: f64 = 20_016_000.0;

fn pairs(found: Vec<Near<'_, u64, u64>>) -> Vec<(u64, f64)> {
    found
        .into_iter()
        .map(|near| (*near.key, near.metres))
        .collect()
}

fn first<T>(mut all: Vec<T>, k: usize) -> Vec<T> {
    all.truncate(k);
    all
}

#[test]
fn nearest_equals_brute_force_everywhere() {
    let mut random = fastrand::Rng::with_seed(1);
    let world = World::difficult(&mut random);
    let index = world.index();
    for from in world.origins(40, &mut random) {
        let all = world.search(from, f64::INFINITY, |_| true);
        for k in [1, 2, 10, 60, 500, all.len(), all.len() + 1] {
            let found = pairs(index.nearest(from, k, |_| true));
            assert_eq!(found, first(all.clone(), k), "{k} nearest to {from}");
        }
    }
}

#[test]
fn radius_equals_brute_force_everywhere() {
    let mut random = fastrand::Rng::with_seed(2);
    let world = World::difficult(&mut random);
    let index = world.index();
    for from in world.origins(40, &mut random) {
        let all = world.search(from, f64::INFINITY, |_| true);
        // The farthest point still inside is exactly at the radius.
        let at_a_point = all[random.usize(..all.len())].1;
        for metres in [
            0.0,
            2_000.0,
            50_000.0,
            3e6,
            at_a_point,
            HALF_WAY_ROUND,
            f64::INFINITY,
        ] {
            let expected: Vec<_> = all.iter().copied().filter(|(_, d)| *d <= metres).collect();
            let found = pairs(index.within(from, metres, |_| true));
            assert_eq!(found, expected, "within {metres} m of {from}");
            let found = pairs(index.nearest_within(from, 7, metres, |_| true));
            assert_eq!(
                found,
                first(expected, 7),
                "7 nearest within {metres} m of {from}"
            );
        }
    }
}

#[test]
fn a_filter_keeps_the_answer_exact() {
    let mut random = fastrand::Rng::with_seed(3);
    let world = World::difficult(&mut random);
    let index = world.index();
    for from in world.origins(15, &mut random) {
        for one_in in [2, 30, 1_000, u64::MAX] {
            let matches = |id: &u64| id.is_multiple_of(one_in);
            let all = world.search(from, f64::INFINITY, |id| matches(&id));
            let found = pairs(index.nearest(from, 5, matches));
            assert_eq!(found, first(all, 5), "one in {one_in} from {from}");
            let all = world.search(from, 1e6, |id| matches(&id));
            assert_eq!(
                pairs(index.within(from, 1e6, matches)),
                all,
                "one in {one_in}"
            );
        }
    }
}

#[test]
fn changes_keep_the_answer_exact() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut world = World::difficult(&mut random);
    let mut index = world.index();
    for round in 0..5 * INDEX_PENDING_MAX as u64 {
        change(&mut world, &mut index, round, &mut random);
        if round % 97 == 0 {
            let from = anywhere(&mut random);
            let all = world.search(from, f64::INFINITY, |_| true);
            assert_eq!(
                pairs(index.nearest(from, 10, |_| true)),
                first(all, 10),
                "{round}"
            );
            let all = world.search(from, 2e6, |_| true);
            assert_eq!(pairs(index.within(from, 2e6, |_| true)), all, "{round}");
            assert_eq!(index.len(), world.points.len());
        }
    }
}

/// Ids of points added on the way start here.
const NEW: u64 = 1 << 50;

/// Adds, moves or removes a point in the world and in its index.
fn change(
    world: &mut World,
    index: &mut NearbyIndex<u64, u64>,
    round: u64,
    random: &mut fastrand::Rng,
) {
    let place = random.usize(..world.points.len());
    let (id, _) = world.points[place];
    let to = anywhere(random);
    match random.u8(..3) {
        0 => {
            let id = NEW + round;
            world.points.push((id, to));
            assert_eq!(index.insert(id, to, id), None);
        }
        1 => {
            world.points[place].1 = to;
            assert_eq!(index.insert(id, to, id), Some(id));
        }
        _ => {
            world.points.swap_remove(place);
            assert_eq!(index.remove(&id), Some(id));
            assert_eq!(index.remove(&id), None);
        }
    }
}

/// Layouts whose points agree in an axis, or altogether.
fn layouts() -> Vec<(&'static str, Vec<Point>)> {
    let spread = |n: u32| f64::from(n) * 0.034 - 85.0;
    let many = || 0..5_000_u32;
    vec![
        ("one spot", many().map(|_| at(22.3, 114.2)).collect()),
        (
            "the origin of degrees",
            many().map(|_| at(0.0, 0.0)).collect(),
        ),
        ("a pole", many().map(|n| at(90.0, spread(n))).collect()),
        (
            "both poles",
            many()
                .map(|n| at([90.0, -90.0][n as usize % 2], spread(n)))
                .collect(),
        ),
        ("Greenwich", many().map(|n| at(spread(n), 0.0)).collect()),
        ("a meridian", many().map(|n| at(spread(n), 114.2)).collect()),
        (
            "180°",
            many()
                .map(|n| at(spread(n), [180.0, -180.0][n as usize % 2]))
                .collect(),
        ),
        (
            "the equator",
            many().map(|n| at(0.0, 2.0 * spread(n))).collect(),
        ),
        (
            "two spots",
            many()
                .map(|n| at([1.0, -1.0][n as usize % 2], 0.0))
                .collect(),
        ),
    ]
}

#[test]
fn coinciding_points_are_no_trouble() {
    for (name, points) in layouts() {
        let world = World {
            points: (0..).zip(points).collect(),
        };
        let index = world.index();
        let here = world.points[17].1;
        for from in [
            here,
            at(90.0, 0.0),
            at(0.0, 180.0),
            at(-22.3, -65.8),
            at(1e-9, 1e-9),
        ] {
            let all = world.search(from, f64::INFINITY, |_| true);
            for k in [1, 10, 700] {
                let found = pairs(index.nearest(from, k, |_| true));
                assert_eq!(found, first(all.clone(), k), "{name}: {k} from {from}");
            }
            let all = world.search(from, 1e6, |_| true);
            assert_eq!(
                pairs(index.within(from, 1e6, |_| true)),
                all,
                "{name} from {from}"
            );
        }
    }
}

#[test]
fn what_reaches_nothing_finds_nothing() {
    let index = World::real().index();
    let from = at(22.3, 114.2);
    assert_eq!(index.nearest(from, 0, |_| true), []);
    for metres in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(index.within(from, metres, |_| true), []);
        assert_eq!(index.nearest_within(from, 5, metres, |_| true), []);
    }
    let empty: NearbyIndex<u64, u64> = NearbyIndex::new();
    assert_eq!(empty.nearest(from, 5, |_| true), []);
    assert_eq!(empty.within(from, f64::INFINITY, |_| true), []);
}
