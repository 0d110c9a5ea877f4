//! What [`Places`] promises about finding and following.

use std::time::Duration;

use mp_core::{Caller, Error, ErrorKind};
use mp_location::{Nearby, PlaceId, Places, PlacesOptions, Point};

use crate::market::{Market, found, key, open_stall, stall, temple_street, user};

const HOUR: Duration = Duration::from_secs(3_600);

fn lazily() -> Nearby {
    Nearby::to(temple_street()).fresh_to(HOUR)
}

async fn close_stall(places: &Places, owner: &Caller, id: PlaceId) {
    let key = key(&format!("close-{id}"));
    places.remove(owner, id, &key).await.expect("removed");
}

#[tokio::test]
async fn what_a_process_wrote_it_finds_at_once() {
    let places = Market::open().process();
    let mei = user("mei");
    assert_eq!(found(&places, &mei, &lazily()).await, []);

    let place = open_stall(&places, &mei, "noodles").await;
    assert_eq!(found(&places, &mei, &lazily()).await, [place.id]);

    let north = Point::new(22.4, 114.17).expect("the point exists");
    places
        .replace(&mei, place.id, stall("soup", north), &key("move"))
        .await
        .expect("moved");
    let answer = places.nearby(&mei, &lazily()).await.expect("an answer");
    assert_eq!(answer.places[0].place.category.as_str(), "soup");
    assert_eq!(answer.places[0].metres, temple_street().distance(north));
    assert_eq!(answer.places[0].bearing, temple_street().bearing(north));

    places
        .remove(&mei, place.id, &key("r"))
        .await
        .expect("removed");
    assert_eq!(found(&places, &mei, &lazily()).await, []);
    let gone = places.place(&mei, place.id).await.expect_err("gone");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let market = Market::open();
    let mei = user("mei");
    let place = open_stall(&market.process(), &mei, "noodles").await;
    let places = market.process();
    assert_eq!(found(&places, &mei, &lazily()).await, [place.id]);
    assert_eq!(places.place(&mei, place.id).await.expect("there"), place);
}

#[tokio::test]
async fn another_process_is_followed_within_the_freshness() {
    let market = Market::open();
    let (ours, theirs) = (market.process(), market.process());
    let mei = user("mei");
    let opened = ours.nearby(&mei, &lazily()).await.expect("an answer").as_of;
    let place = open_stall(&theirs, &mei, "noodles").await;
    market.clock.advance(Duration::from_secs(10));

    let within = |secs| lazily().fresh_to(Duration::from_secs(secs));
    let stale = ours.nearby(&mei, &within(11)).await.expect("an answer");
    assert_eq!((stale.places.len(), stale.as_of), (0, opened));

    let fresh = ours.nearby(&mei, &within(10)).await.expect("an answer");
    assert_eq!(fresh.places[0].place.id, place.id);
    assert_eq!(fresh.as_of, opened.plus(Duration::from_secs(10)));

    theirs
        .remove(&mei, place.id, &key("r"))
        .await
        .expect("removed");
    assert_eq!(found(&ours, &mei, &within(1)).await, [place.id]);
    assert_eq!(found(&ours, &mei, &within(0)).await, []);
}

#[tokio::test]
async fn a_clock_set_back_makes_no_answer_stale() {
    let market = Market::open();
    let (ours, theirs) = (market.process(), market.process());
    let mei = user("mei");
    assert_eq!(found(&ours, &mei, &lazily()).await, []);
    market.clock.set(market.engine().now().minus(HOUR));
    let place = open_stall(&theirs, &mei, "noodles").await;
    assert_eq!(found(&ours, &mei, &lazily()).await, [place.id]);
}

#[tokio::test]
async fn deletions_that_the_store_forgot_are_noticed() {
    let market = Market::open();
    let (ours, theirs) = (market.process(), market.process());
    let mei = user("mei");
    let mut kept = Vec::new();
    for n in 0..400 {
        let place = open_stall(&theirs, &mei, &format!("stall-{n}")).await;
        kept.push(place.id);
    }
    let all = lazily().most(Nearby::K_MAX).fresh_to(Duration::ZERO);
    assert_eq!(found(&ours, &mei, &all).await.len(), 100);

    for id in kept.drain(..390) {
        close_stall(&theirs, &mei, id).await;
    }
    // Every page is written again, so late that the store forgets the deletions.
    market.clock.advance(2 * mp_core::store::DELETION_MEMORY);
    for n in 400..800 {
        let place = open_stall(&theirs, &mei, &format!("stall-{n}")).await;
        close_stall(&theirs, &mei, place.id).await;
    }
    kept.sort();
    assert_eq!(found(&ours, &mei, &all).await, kept);
}

#[tokio::test]
async fn limits_are_refused_by_name() {
    let places = Market::open().process();
    let refused = async |nearby: Nearby| -> Option<String> {
        let error: Error = places.nearby(&user("mei"), &nearby).await.err()?;
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.field().map(str::to_owned)
    };
    for (k, field) in [(0, Some("k")), (1, None), (100, None), (101, Some("k"))] {
        assert_eq!(refused(lazily().most(k)).await.as_deref(), field, "{k}");
    }
    let half_way = std::f64::consts::PI * 6_371_008.8;
    for metres in [0.0, half_way, Nearby::METRES_MAX] {
        assert_eq!(refused(lazily().within(metres)).await, None, "{metres}");
    }
    for metres in [-0.1, Nearby::METRES_MAX + 1.0, f64::NAN, f64::INFINITY] {
        let field = refused(lazily().within(metres)).await;
        assert_eq!(field.as_deref(), Some("within_metres"), "{metres}");
    }
}

#[tokio::test]
async fn apps_that_made_room_are_read_again() {
    let market = Market::open();
    let options = PlacesOptions::default().with_apps_in_memory_max(1);
    let places = Places::new(&market.engine(), &options);
    for round in 0..3 {
        for app in ["market", "cinema", "museum"] {
            let caller = Caller::user(app.parse().expect("an app id"), "mei".parse().expect("id"));
            open_stall(&places, &caller, &format!("stall-{round}")).await;
            assert_eq!(
                found(&places, &caller, &lazily()).await.len(),
                round + 1,
                "{app}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_find_their_own() {
    let places = Market::open().process();
    let vendors = (0..64).map(|n| {
        let places = places.clone();
        tokio::spawn(async move {
            let vendor = user(&format!("vendor-{n}"));
            let category = format!("stall-{n}");
            let place = open_stall(&places, &vendor, &category).await;
            let own = lazily().of(category.parse().expect("a name"));
            assert_eq!(found(&places, &vendor, &own).await, [place.id]);
            places
                .remove(&vendor, place.id, &key("r"))
                .await
                .expect("removed");
            assert_eq!(found(&places, &vendor, &own).await, []);
        })
    });
    for vendor in vendors.collect::<Vec<_>>() {
        vendor.await.expect("found what was written");
    }
}
