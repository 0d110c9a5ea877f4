//! What a command answers in each state, and what a plan of it does.

use std::time::Duration;

use mp_core::ErrorKind;
use mp_location::{Nearby, NewPlace, Place, PlaceCommand, PlaceId, Places};

use crate::market::{Market, found, key, stall, temple_street, user};

fn noodles() -> NewPlace {
    stall("noodles", temple_street())
}

fn soup() -> NewPlace {
    stall("soup", temple_street())
}

#[tokio::test]
async fn a_plan_writes_nothing_until_the_host_commits_it() {
    let market = Market::open();
    let places = market.process();
    let mei = user("mei");
    let now = Nearby::to(temple_street()).fresh_to(Duration::ZERO);
    let commit = async |command: PlaceCommand, key_text: &str| -> Place {
        let before = found(&places, &mei, &now).await;
        let planned = places
            .plan(&mei, command, &key(key_text))
            .await
            .expect("planned");
        assert_eq!(found(&places, &mei, &now).await, before);
        let batch = planned.batch.expect("something to commit");
        let store = market.engine().store().clone();
        store
            .commit(&planned.partition, batch)
            .await
            .expect("committed");
        planned.answer
    };
    let added = commit(PlaceCommand::Add(noodles()), "a").await;
    assert_eq!(found(&places, &mei, &now).await, [added.id]);
    // The plan's answer is remembered like that of a call.
    assert_eq!(
        places
            .add(&mei, noodles(), &key("a"))
            .await
            .expect("remembered"),
        added
    );

    let replaced = commit(PlaceCommand::Replace(added.id, soup()), "b").await;
    assert_eq!(places.place(&mei, added.id).await.expect("there"), replaced);
    assert_eq!(commit(PlaceCommand::Remove(added.id), "c").await, replaced);
    assert_eq!(found(&places, &mei, &now).await, []);
}

type Command = fn(PlaceId) -> PlaceCommand;

/// The category of the place answered, or why there is none.
type Outcome = Result<&'static str, ErrorKind>;

/// Where a place stands before a command.
#[derive(Clone, Copy, Debug)]
enum State {
    NeverThere,
    There,
    Removed,
}

#[tokio::test]
async fn every_command_in_every_state_is_answered() {
    use ErrorKind::{KeyReused, NotFound};
    use State::{NeverThere, Removed, There};

    let commands: [(Command, [Outcome; 3]); 5] = [
        (|_| PlaceCommand::Add(noodles()), [Ok("noodles"); 3]),
        (
            |_| PlaceCommand::Add(soup()),
            [Ok("soup"), Err(KeyReused), Ok("soup")],
        ),
        (
            |id| PlaceCommand::Replace(id, noodles()),
            [Err(NotFound), Ok("noodles"), Err(NotFound)],
        ),
        (
            |id| PlaceCommand::Replace(id, soup()),
            [Err(NotFound), Ok("soup"), Err(NotFound)],
        ),
        (
            PlaceCommand::Remove,
            [Err(NotFound), Ok("noodles"), Err(NotFound)],
        ),
    ];
    for (command, expected) in commands {
        for (state, expected) in [NeverThere, There, Removed].into_iter().zip(expected) {
            let (market, mei) = (Market::open(), user("mei"));
            let places = market.process();
            let id = in_state(&market, &places, state).await;
            let command = command(id);
            let planned = places.plan(&mei, command.clone(), &key("add")).await;
            let answer = planned.map(|planned| planned.answer.category.to_string());
            let answer = answer.map_err(|error| error.kind());
            assert_eq!(
                answer,
                expected.map(str::to_owned),
                "{command:?} when {state:?}"
            );
        }
    }
}

/// Brings Mei's place into a state, so long ago that no answer is remembered.
async fn in_state(market: &Market, places: &Places, state: State) -> PlaceId {
    let mei = user("mei");
    if let State::NeverThere = state {
        let planned = places
            .plan(&mei, PlaceCommand::Add(noodles()), &key("add"))
            .await;
        return planned.expect("planned").answer.id;
    }
    let place = places
        .add(&mei, noodles(), &key("add"))
        .await
        .expect("added");
    if let State::Removed = state {
        places
            .remove(&mei, place.id, &key("r"))
            .await
            .expect("removed");
    }
    market
        .clock
        .advance(10 * mp_core::idempotency::IDEMPOTENCY_MEMORY);
    place.id
}
