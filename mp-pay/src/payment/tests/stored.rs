//! What stands in the store is the fold of the journal beside it, on every store.

use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Scope,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::{MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store},
    work::{Worker, WorkerOptions},
};

use super::*;
use crate::{
    SandboxBackend,
    backend::sandbox::Behaviour,
    payments::{
        CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, IncreaseIntent, Payments,
        RefundIntent,
    },
};

struct World {
    clock: Arc<ManualClock>,
    engine: Engine,
    sandbox: SandboxBackend,
    payments: Payments,
}

impl World {
    fn on(store: Arc<dyn Store>) -> Self {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let engine = |store| Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
        let provider = engine(Arc::new(MemoryStore::new()));
        let sandbox = SandboxBackend::on(&provider, &"acme".parse().expect("a name"));
        let engine = engine(store);
        let payments = Payments::new(&engine, Arc::new(sandbox.clone()));
        Self {
            clock,
            engine,
            sandbox,
            payments,
        }
    }

    /// Lives a life with a decline, a lost answer, a raise, two captures, a refund and its failure.
    async fn live(&self) -> IntentId {
        let caller = Caller::user(
            "market".parse().expect("an app"),
            "mei".parse().expect("a user"),
        )
        .with_scope(Scope::STAFF);
        let key = |text: &str| text.parse().expect("a key");
        let (pay, of) = (&self.payments, CreateIntent::of(eur(AMOUNT)));
        let create = of.with_manual_capture();
        let intent = pay.create_intent(&caller, create, &key("k")).await;
        let id = intent.expect("creates").id;
        for (token, name) in [("pm_declined", "1"), ("pm_timeout_after", "2")] {
            let token = PaymentMethodToken::new(token).expect("a token");
            let confirm = ConfirmIntent::of(id).with_payment_method(token);
            pay.confirm(&caller, confirm, &key(name))
                .await
                .expect("confirms");
        }
        self.work().await;
        let raise = IncreaseIntent::to(id, eur(AMOUNT + 50));
        pay.increase(&caller, raise, &key("i"))
            .await
            .expect("raises");
        let part = CaptureIntent::of(id)
            .with_amount(eur(60))
            .with_more_to_come();
        pay.capture(&caller, part, &key("c")).await.expect("takes");
        let cancel = CancelIntent::of(id);
        pay.cancel(&caller, cancel, &key("x"))
            .await
            .expect("lets the rest go");
        self.sandbox
            .script(Behaviour::Delay(Duration::from_secs(60)));
        let back = RefundIntent::of(id).with_amount(eur(10));
        pay.refund(&caller, back, &key("r")).await.expect("refunds");
        self.work().await;
        id
    }

    async fn work(&self) {
        let worker = Worker::new(&self.engine, WorkerOptions::default());
        let worker = worker.with(self.payments.handlers());
        for _ in 0..3 {
            self.clock.advance(Duration::from_secs(61));
            worker.drain().await.expect("works");
        }
    }

    async fn check(&self) {
        let id = self.live().await;
        let app = "market".parse().expect("an app");
        let command = command(&app, id).expect("a partition");
        let family = self.engine.read(command).await.expect("reads");
        let journal = journal(&family).expect("reads");
        let stored = load(&family).expect("reads").expect("is there");
        assert_eq!(stored.intent.amount_refunded, eur(10));
        assert_eq!(stored.intent.amount_received, eur(60));
        assert_eq!(fold(&journal), stored);
    }
}

#[tokio::test]
async fn what_is_stored_is_the_fold_of_the_journal_on_every_store() {
    World::on(Arc::new(MemoryStore::new())).check().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("payments.db");
    let sqlite = SqliteStore::open(path, SqliteOptions::default()).expect("opens");
    World::on(Arc::new(sqlite)).check().await;
    let test = "what_is_stored_is_the_fold_of_the_journal_on_every_store";
    if let Some(database) = throwaway_postgres::database(test).await {
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        World::on(Arc::new(store.expect("connects"))).check().await;
    }
}
