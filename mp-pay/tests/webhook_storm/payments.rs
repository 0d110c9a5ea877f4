//! Payments that wait for a webhook, and the provider's books of them.

use std::{sync::Arc, time::Duration};

use mp_core::{
    Clock, Engine,
    clock::ManualClock,
    entropy::SystemEntropy,
    feed::Feed,
    store::{MemoryStore, Store},
};
use mp_pay::{
    IntentId, Payments, SandboxBackend,
    backend::{
        Capabilities,
        sandbox::{DELAY, SandboxEvent},
    },
    payments::{ConfirmIntent, CreateIntent},
};
use tokio::task::JoinSet;

use super::{
    clock::FastClock,
    support::{app, eur, idem, mei, method},
};

/// How many are opened at once.
const AT_ONCE: usize = 32;

pub(crate) fn sales() -> Feed {
    Feed::new("sales".parse().expect("a name"))
}

/// What was opened, and who knows what became of it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) payments: Payments,
    pub(crate) engine: Engine,
    pub(crate) sandbox: SandboxBackend,
    pub(crate) intents: Vec<IntentId>,
    /// What the provider has to tell.
    pub(crate) events: Vec<SandboxEvent>,
}

/// Opens so many payments of one euro each, whose outcome the provider knows and we do not.
pub(crate) async fn open(store: Arc<dyn Store>, clock: FastClock, count: usize) -> Opened {
    let later = Arc::new(ManualClock::at(clock.now()));
    let books = Arc::new(MemoryStore::new());
    let provider = Engine::new(books, later.clone(), Arc::new(SystemEntropy::new()));
    let account = "acme".parse().expect("a name");
    let sandbox = SandboxBackend::on(&provider, &account);
    let sandbox = sandbox.with_capabilities(Capabilities::neither());
    let engine = Engine::new(store, Arc::new(clock), Arc::new(SystemEntropy::new()));
    let payments = Payments::new(&engine, Arc::new(sandbox.clone())).with_feed(sales());
    let (mut opening, mut intents) = (JoinSet::new(), Vec::new());
    for number in 0..count {
        if opening.len() >= AT_ONCE {
            intents.extend(opening.join_next().await.transpose().expect("opens"));
        }
        let payments = payments.clone();
        opening.spawn(async move { pay(&payments, number).await });
    }
    intents.extend(opening.join_all().await);
    later.advance(DELAY + Duration::from_secs(1));
    let events = sandbox.events(&app()).await.expect("tells");
    assert_eq!(events.len(), count, "one event of each");
    Opened {
        payments,
        engine,
        sandbox,
        intents,
        events,
    }
}

async fn pay(payments: &Payments, number: usize) -> IntentId {
    let key = idem(&format!("order-{number}"));
    let order = CreateIntent::of(eur(100)).with_payment_method(method("pm_slow"));
    let intent = payments.create_intent(&mei(), order, &key).await;
    let confirm = ConfirmIntent::of(intent.expect("creates").id);
    let confirmed = payments.confirm(&mei(), confirm, &key).await;
    confirmed.expect("confirms").id
}
