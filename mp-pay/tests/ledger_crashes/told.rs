//! What the feed was told must be what has happened, once.

use std::collections::BTreeSet;

use mp_core::{
    Engine,
    feed::{Cursor, Event, Feed, Feeds},
};
use mp_pay::ledger::news::{EXPIRED, POSTED, Posted, VOIDED};

use crate::{account, app, life::Life};

pub(crate) fn journal() -> Feed {
    Feed::new("journal".parse().expect("a name"))
}

pub(crate) async fn judge(engine: &Engine, life: Life) -> Result<(), String> {
    let (app, journal) = (app(), journal());
    let feeds = Feeds::new(engine);
    let read = feeds.read(&app, &journal, Cursor::START, 1_000);
    let events = read.await.map_err(|error| error.to_string())?.events;
    let mut once = BTreeSet::new();
    for event in &events {
        if !once.insert((event.topic.clone(), event.fact["transfer"].to_string())) {
            return Err(format!("told twice: {event:?}"));
        }
    }
    let (wallet, stall, near) = life.end();
    let told = ["mei/wallet", "stall/sales", "mei/near"].map(|name| sum_of(&events, name));
    if told != [wallet - 100, stall, near] {
        return Err(format!("told {told:?}: {events:?}"));
    }
    let ended = events
        .iter()
        .filter(|it| [VOIDED, EXPIRED].contains(&it.topic.as_str()));
    let ends = matches!(
        life,
        Life::Void | Life::NearVoid | Life::Expire | Life::Canceled
    );
    match ended.count() == usize::from(ends) {
        true => Ok(()),
        false => Err(format!("of what was held, told {events:?}")),
    }
}

/// Adds up what was posted to an account.
fn sum_of(events: &[Event], name: &str) -> i64 {
    let of = account(name);
    let posted = events.iter().filter(|event| event.topic == POSTED);
    let moves = posted.flat_map(|event| event.fact::<Posted>().expect("reads").moves);
    let changes = moves.map(|it| {
        let minor = it.amount.minor();
        i64::from(it.credit == of) * minor - i64::from(it.debit == of) * minor
    });
    changes.sum()
}
