use std::{collections::BTreeSet, sync::Arc};

use mp_core::{
    clock::{SystemClock, Timestamp},
    document,
    engine::Engine,
    entropy::SeededEntropy,
    store::MemoryStore,
};

use super::*;
use crate::{place::NewPlace, point::Point};

fn app() -> AppId {
    AppId::new("market").expect("an app id")
}

fn place(id: PlaceId) -> Place {
    let new = NewPlace {
        name: "Mei's noodles".parse().expect("a label"),
        category: "noodles".parse().expect("a name"),
        point: Point::new(22.3075, 114.1701).expect("the point exists"),
    };
    Place::new(id, &app(), Some(&"mei".parse().expect("a user id")), new)
}

/// Returns the `n`-th id of page 7.
fn id(n: u64) -> PlaceId {
    let mut random = [7; 10];
    random[..8].copy_from_slice(&n.to_be_bytes());
    PlaceId::at(1_795_000_000_000, random)
}

async fn add_to_page(engine: &Engine, ids: std::ops::Range<u64>) -> Result<(), Error> {
    let places: Vec<Place> = ids.map(|n| place(id(n))).collect();
    let command = Command::on(partition(&app(), 7)?).prefix(PREFIX);
    let decide =
        move |family: &Family, _: Timestamp| Ok::<_, Error>(add(family, &places)?.answer(()));
    engine.run(command, decide).await.map(|_| ())
}

#[tokio::test]
async fn a_full_page_takes_no_more() {
    let engine = Engine::new(
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock),
        Arc::new(SeededEntropy::new(1)),
    );
    let most = Places::PAGE_MAX as u64;
    add_to_page(&engine, 0..most / 2).await.expect("room");
    let refused = add_to_page(&engine, most / 2..most + 1)
        .await
        .expect_err("one too many");
    assert_eq!(
        (refused.kind(), refused.code()),
        (ErrorKind::Refused, "places_full")
    );
    add_to_page(&engine, most / 2..most).await.expect("room");
    add_to_page(&engine, 0..1).await.expect("there already");
    assert_eq!(
        add_to_page(&engine, most..most + 1)
            .await
            .expect_err("full")
            .code(),
        "places_full"
    );

    let decide = |family: &Family, _: Timestamp| Ok::<_, Error>(remove(family, id(3))?.answer(()));
    let command = command(&app(), id(3)).expect("a partition");
    let removed = engine.run(command, decide).await;
    removed.expect("removed");
    add_to_page(&engine, most..most + 1)
        .await
        .expect("room again");
}

#[test]
fn ids_spread_over_every_page() {
    let pages: BTreeSet<u8> = (0..1_000)
        .map(|n: u32| page_of(PlaceId::derived(&["market", &n.to_string()])))
        .collect();
    assert_eq!(pages, (0..PAGES).collect());
}

#[test]
fn pages_and_keys_never_change() {
    let id: PlaceId = "pl_01HF7YAT000W3GE1R70W3GE1R7".parse().expect("an id");
    assert_eq!(page_of(id), 7);
    let partition = partition(&app(), page_of(id)).expect("a partition");
    assert_eq!(partition.id(), "market/places/07");
    assert_eq!(key(id), "p/pl_01HF7YAT000W3GE1R70W3GE1R7");
    assert_eq!(place_of(&key(id)), Some(id));
    for other in [
        "",
        "p/",
        "p/pl_1",
        "i/00000001/mei/location.add_place/key",
        "q/x",
    ] {
        assert_eq!(place_of(other), None, "{other}");
    }
}

#[test]
fn every_record_ever_written_reads_back() {
    let written = br#"{"kind":"place","format":1,"id":"pl_01HF7YAT000W3GE1R70W3GE1R7","app":"market","owner":"mei","name":"Mei's noodles","category":"noodles","point":{"lat":22.3075,"lon":114.1701}}"#;
    let (read, _) = document::decode::<Place>(written).expect("reads");
    let id = "pl_01HF7YAT000W3GE1R70W3GE1R7".parse().expect("an id");
    assert_eq!(read, place(id));
    assert_eq!(
        &document::encode(&read, None).expect("encodes")[..],
        written
    );

    let written = br#"{"kind":"place","format":1,"id":"pl_01HF7YAT000W3GE1R70W3GE1R7","app":"market","name":"Star Ferry","category":"pier","point":{"lat":22.2937,"lon":114.1688}}"#;
    let (read, _) = document::decode::<Place>(written).expect("reads");
    assert_eq!(read.owner, None);
    assert_eq!(
        &document::encode(&read, None).expect("encodes")[..],
        written
    );

    let written = br#"{"kind":"places","format":1,"places":17}"#;
    let (read, _) = document::decode::<Page>(written).expect("reads");
    assert_eq!(read.places, 17);
    assert_eq!(
        &document::encode(&read, None).expect("encodes")[..],
        written
    );
}
