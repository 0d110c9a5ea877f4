//! What is left after a storm, by the books of both sides.

use std::collections::BTreeMap;

use mp_core::{
    feed::{Cursor, Feeds},
    store::Store,
};
use mp_pay::{
    intent::IntentStatus,
    journal::{Event, Source},
    news::{CAPTURED, SUCCEEDED},
    webhook::Webhooks,
};

use super::{
    child::CONCURRENCY,
    payments::{Opened, sales},
    storm::KILLS,
    support::{app, staff},
};

/// How many events of a feed are read at a time.
const PAGE: u32 = 500;

/// What there is to know after a storm.
#[derive(Debug)]
pub(crate) struct After {
    payments: usize,
    deliveries: usize,
    /// Payments that are known to have succeeded.
    known: usize,
    /// What the host's books have, and what the provider's have, in cents.
    received: i64,
    moved: i64,
    /// How often webhooks have told of a payment.
    notices: usize,
    /// How often the feed was told of each turn of each payment.
    told: BTreeMap<String, usize>,
    /// Webhooks, and other work, that were given up.
    unhandled: usize,
    dead: usize,
}

/// Returns whether the feed was told of every payment.
pub(crate) async fn is_all_told(opened: &Opened) -> bool {
    told(opened).await.len() >= opened.intents.len() * 2
}

impl After {
    pub(crate) async fn of(store: &dyn Store, opened: &Opened, deliveries: usize) -> Self {
        let webhooks = Webhooks::new(&opened.engine);
        let movements = opened.sandbox.movements(&app()).await.expect("reads");
        let mut after = Self {
            payments: opened.intents.len(),
            deliveries,
            known: 0,
            received: 0,
            moved: movements.iter().map(|moved| moved.amount.minor()).sum(),
            notices: 0,
            told: told(opened).await,
            unhandled: webhooks
                .unhandled(&staff(), None, 1_000)
                .await
                .expect("lists")
                .len(),
            dead: store.dead(None, 1_000).await.expect("lists").len(),
        };
        for id in &opened.intents {
            let intent = opened.payments.intent(&staff(), *id).await.expect("reads");
            after.known += usize::from(intent.status == IntentStatus::Succeeded);
            after.received += intent.amount_received.minor();
            let journal = opened.payments.journal(&staff(), *id).await.expect("reads");
            after.notices += journal
                .iter()
                .filter(|entry| is_notice(&entry.event))
                .count();
        }
        after
    }

    /// Returns how many payments nobody has heard of, though every webhook was acknowledged.
    pub(crate) const fn lost(&self) -> usize {
        self.payments - self.known
    }

    /// Returns whether more was handled than there were events, and more than kills account for.
    pub(crate) const fn is_doubled(&self) -> bool {
        self.notices > self.payments + KILLS * CONCURRENCY || self.notices >= self.deliveries
    }

    pub(crate) fn expect_each_effect_once(&self) {
        assert_eq!(self.lost(), 0, "{self:?}");
        assert!(!self.is_doubled(), "{self:?}");
        assert_eq!(self.received, self.moved, "the books of both sides agree");
        assert_eq!(
            (self.unhandled, self.dead),
            (0, 0),
            "nothing is left to a person"
        );
        assert_eq!(
            self.told.len(),
            self.payments * 2,
            "each is told to the feed"
        );
        assert!(self.told.values().all(|times| *times == 1), "and once");
    }
}

fn is_notice(event: &Event) -> bool {
    matches!(
        event,
        Event::Observed {
            source: Source::Notice,
            ..
        }
    )
}

/// Counts what the feed was told, by payment and topic.
async fn told(opened: &Opened) -> BTreeMap<String, usize> {
    let feeds = Feeds::new(&opened.engine);
    let (app, sales) = (app(), sales());
    let (mut told, mut cursor) = (BTreeMap::new(), Cursor::START);
    loop {
        let stretch = feeds.read(&app, &sales, cursor, PAGE).await.expect("reads");
        for event in &stretch.events {
            if [SUCCEEDED, CAPTURED].contains(&event.topic.as_str()) {
                let turn = format!("{} {}", event.source, event.topic);
                *told.entry(turn).or_default() += 1;
            }
        }
        if stretch.events.is_empty() {
            return told;
        }
        cursor = stretch.to;
    }
}
