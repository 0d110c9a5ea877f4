//! Who may do what to a place, and how often.

use std::time::Duration;

use mp_core::{Caller, ErrorKind, Scope};
use mp_location::{Nearby, Places, Point};

use crate::market::{Market, found, key, open_stall, staff, stall, temple_street, user};

#[tokio::test]
async fn another_app_sees_nothing() {
    let places = Market::open().process();
    let mei = user("mei");
    let place = open_stall(&places, &mei, "noodles").await;
    let app = "another".parse().expect("an app id");
    let outsider = Caller::user(app, "mei".parse().expect("a user id")).with_scope(Scope::STAFF);

    assert_eq!(
        found(&places, &outsider, &Nearby::to(temple_street())).await,
        []
    );
    let seen = places.place(&outsider, place.id).await;
    let new = stall("theirs", temple_street());
    let replaced = places.replace(&outsider, place.id, new, &key("m")).await;
    let removed = places.remove(&outsider, place.id, &key("r")).await;
    for outcome in [seen, replaced, removed] {
        assert_eq!(outcome.expect_err("not theirs").kind(), ErrorKind::NotFound);
    }
    assert_eq!(places.place(&mei, place.id).await.expect("there"), place);
}

#[tokio::test]
async fn only_the_owner_and_staff_change_a_place() {
    let places = Market::open().process();
    let (mei, tom) = (user("mei"), user("tom"));
    let back_office = Caller::app(mei.app_id().clone());
    let boss = back_office.clone().with_scope(Scope::STAFF);
    let new = || stall("new", temple_street());
    for (round, (caller, may_hers, may_the_apps)) in [
        (&mei, true, false),
        (&tom, false, false),
        (&back_office, false, false),
        (&boss, true, true),
        (&staff(), true, true),
    ]
    .into_iter()
    .enumerate()
    {
        let hers = open_stall(&places, &mei, &format!("stall-{round}")).await;
        let import = key(&format!("import-{round}"));
        let the_apps = places
            .import(&boss, vec![new()], &import)
            .await
            .expect("imported");
        for (place, may) in [(&hers, may_hers), (&the_apps[0], may_the_apps)] {
            let change = key(&place.id.to_string());
            for outcome in [
                places.replace(caller, place.id, new(), &change).await,
                places.remove(caller, place.id, &change).await,
            ] {
                let expected = if may { None } else { Some(ErrorKind::NotFound) };
                let kind = outcome.err().map(|error| error.kind());
                assert_eq!(kind, expected, "{caller:?} {place:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_staff_imports_and_only_users_add() {
    let places = Market::open().process();
    let new = stall("noodles", temple_street());
    let refused = places
        .import(&user("mei"), vec![new.clone()], &key("i"))
        .await;
    assert_eq!(refused.expect_err("not staff").kind(), ErrorKind::Forbidden);
    let app = Caller::app("market".parse().expect("an app id")).with_scope(Scope::STAFF);
    let refused = places.add(&app, new, &key("a")).await;
    assert_eq!(
        refused.expect_err("nobody").kind(),
        ErrorKind::Unauthenticated
    );
}

#[tokio::test]
async fn the_same_key_acts_once() {
    let places = Market::open().process();
    let mei = user("mei");
    let first = open_stall(&places, &mei, "noodles").await;
    assert_eq!(open_stall(&places, &mei, "noodles").await, first);
    assert_eq!(
        found(&places, &mei, &Nearby::to(temple_street())).await,
        [first.id]
    );

    let other = stall("soup", temple_street());
    let reused = places.add(&mei, other.clone(), &key("noodles")).await;
    assert_eq!(reused.expect_err("reused").kind(), ErrorKind::KeyReused);
    let second = places
        .add(&user("tom"), other, &key("noodles"))
        .await
        .expect("his own key");
    assert_ne!(second.id, first.id);

    let soup = stall("soup", temple_street());
    for _ in 0..2 {
        let moved = places
            .replace(&mei, first.id, soup.clone(), &key("m"))
            .await
            .expect("moved");
        assert_eq!(
            (moved.id, moved.category),
            (first.id, soup.category.clone())
        );
    }
    let noodles = stall("noodles", temple_street());
    let reused = places
        .replace(&mei, first.id, noodles.clone(), &key("m"))
        .await;
    assert_eq!(reused.expect_err("reused").kind(), ErrorKind::KeyReused);
    places
        .replace(&mei, first.id, noodles, &key("back"))
        .await
        .expect("moved back");

    for _ in 0..2 {
        let removed = places
            .remove(&mei, first.id, &key("r"))
            .await
            .expect("removed");
        assert_eq!(removed, first);
    }
    // Nor does a repetition of adding it bring back what was removed since.
    assert_eq!(open_stall(&places, &mei, "noodles").await, first);
    assert_eq!(
        found(&places, &mei, &Nearby::to(temple_street())).await,
        [second.id]
    );
    let again = places.remove(&mei, first.id, &key("r2")).await;
    assert_eq!(again.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_key_that_lapsed_still_makes_no_second_place() {
    let market = Market::open();
    let places = market.process();
    let mei = user("mei");
    let first = open_stall(&places, &mei, "noodles").await;
    market
        .clock
        .advance(10 * mp_core::idempotency::IDEMPOTENCY_MEMORY);
    assert_eq!(open_stall(&places, &mei, "noodles").await, first);
    let other = places
        .add(&mei, stall("soup", temple_street()), &key("noodles"))
        .await;
    assert_eq!(other.expect_err("reused").kind(), ErrorKind::KeyReused);
}

#[tokio::test]
async fn an_import_under_a_key_of_another_one_adds_nothing() {
    let market = Market::open();
    let places = market.process();
    let at = |n: u32| Point::new(22.0 + f64::from(n) / 1e4, 114.0).expect("a point");
    let stop = vec![stall("tram-stop", at(0))];
    let first = places.import(&staff(), stop, &key("trams")).await;
    let there: Vec<_> = first.expect("imported").iter().map(|it| it.id).collect();
    let piers: Vec<_> = (0..200).map(|n| stall("pier", at(n))).collect();
    for _ in 0..2 {
        let reused = places.import(&staff(), piers.clone(), &key("trams")).await;
        assert_eq!(reused.expect_err("reused").kind(), ErrorKind::KeyReused);
        let all = Nearby::to(at(0)).fresh_to(Duration::ZERO);
        assert_eq!(found(&places, &staff(), &all).await, there);
        // Also once no answer is remembered, as the first place is another one.
        market
            .clock
            .advance(10 * mp_core::idempotency::IDEMPOTENCY_MEMORY);
    }
}

#[tokio::test]
async fn an_import_is_carried_out_once() {
    let places = Market::open().process();
    let new: Vec<_> = (0..Places::IMPORT_MAX)
        .map(|n| {
            stall(
                "tram-stop",
                Point::new(22.0 + n as f64 / 1e4, 114.0).expect("a point"),
            )
        })
        .collect();
    let first = places
        .import(&staff(), new.clone(), &key("trams"))
        .await
        .expect("imported");
    let again = places
        .import(&staff(), new.clone(), &key("trams"))
        .await
        .expect("remembered");
    assert_eq!(first, again);
    assert_eq!(first.len(), new.len());
    assert!(first.iter().all(|place| place.owner.is_none()));

    let south = Nearby::to(Point::new(21.0, 114.0).expect("a point")).most(3);
    let nearest: Vec<_> = first[..3].iter().map(|place| place.id).collect();
    assert_eq!(found(&places, &staff(), &south).await, nearest);

    let others = places
        .import(&staff(), new[1..].to_vec(), &key("trams"))
        .await;
    assert_eq!(others.expect_err("reused").kind(), ErrorKind::KeyReused);
    let many = vec![new[0].clone(); Places::IMPORT_MAX + 1];
    let refused = places
        .import(&staff(), many, &key("many"))
        .await
        .expect_err("too many");
    assert_eq!(refused.field(), Some("places"));
}
