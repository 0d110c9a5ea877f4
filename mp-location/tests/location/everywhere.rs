//! What [`Places`] finds in the store equals looking at each place in turn.

use mp_location::{Nearby, NewPlace, PlaceId, Places};

use crate::{
    market::{Market, found, key, staff},
    world::World,
};

/// Imports the real places under categories that repeat, and returns the world by place ids.
async fn import(places: &Places) -> Vec<(PlaceId, NewPlace)> {
    let new: Vec<NewPlace> = World::real()
        .points
        .into_iter()
        .map(|(id, point)| NewPlace {
            name: format!("Place {id}").parse().expect("a label"),
            category: format!("kind-{}", id % 7).parse().expect("a name"),
            point,
        })
        .collect();
    let mut imported = Vec::new();
    for (part, new) in new.chunks(Places::IMPORT_MAX).enumerate() {
        let key = key(&format!("part-{part}"));
        let there = places
            .import(&staff(), new.to_vec(), &key)
            .await
            .expect("imported");
        imported.extend(there.into_iter().map(|place| place.id).zip(new.to_vec()));
    }
    imported
}

#[tokio::test]
async fn places_in_the_store_are_found_exactly() {
    let mut random = fastrand::Rng::with_seed(5);
    let market = Market::open();
    let imported = import(&market.process()).await;
    let places = market.process();
    for from in World::real().origins(10, &mut random) {
        for (k, metres, category) in [
            (10, None, None),
            (100, Some(3e6), None),
            (5, None, Some("kind-3")),
        ] {
            let mut expected: Vec<(f64, PlaceId)> = imported
                .iter()
                .filter(|(_, new)| category.is_none_or(|name| new.category.as_str() == name))
                .map(|(id, new)| (from.distance(new.point), *id))
                .filter(|(distance, _)| metres.is_none_or(|metres| *distance <= metres))
                .collect();
            expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            expected.truncate(k as usize);
            let mut nearby = Nearby::to(from).most(k);
            nearby.within_metres = metres;
            nearby.category = category.map(|name| name.parse().expect("a name"));
            let expected: Vec<PlaceId> = expected.into_iter().map(|(_, id)| id).collect();
            assert_eq!(
                found(&places, &staff(), &nearby).await,
                expected,
                "{nearby:?}"
            );
        }
    }
}
