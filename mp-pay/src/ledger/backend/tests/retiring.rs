//! What is asked of a payment after a sweep has seen its book.

use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller,
    id::IdempotencyKey,
    retention::{AGE_MIN, FileArchive, Retention},
    work::{Worker, WorkerOptions},
};

use super::scene::{Scene, account, app, eur, office, token};
use crate::{
    PaymentIntent, Payments,
    intent::{IntentId, IntentStatus},
    ledger::{ClosedSettlements, NewTransfer},
    payments::{ConfirmIntent, CreateIntent, RefundIntent},
};

const WINDOW: Duration = AGE_MIN.saturating_mul(3);

/// Mei's payments, and the sweeps of every night.
struct Till<'a> {
    scene: &'a Scene,
    payments: Payments,
    retention: Retention,
    _attic: tempfile::TempDir,
}

impl<'a> Till<'a> {
    fn of(scene: &'a Scene) -> Self {
        let attic = tempfile::tempdir().expect("a folder");
        let archive = Arc::new(FileArchive::in_folder(attic.path()));
        let retention = Retention::new(&scene.engine, scene.store.clone(), archive);
        let rule = Arc::new(ClosedSettlements::refundable_for(WINDOW));
        Self {
            scene,
            payments: Payments::new(&scene.engine, Arc::new(scene.backend.clone())),
            retention: retention.with(rule, AGE_MIN),
            _attic: attic,
        }
    }

    async fn intent(&self, cents: i64, name: &str) -> IntentId {
        let create = CreateIntent::of(eur(cents));
        let (mei, key) = (mei(), idem(name));
        let created = self.payments.create_intent(&mei, create, &key).await;
        created.expect("creates").id
    }

    async fn confirm(&self, id: IntentId, method: &str, name: &str) -> PaymentIntent {
        let confirm = ConfirmIntent::of(id).with_payment_method(token(method));
        let confirmed = self.payments.confirm(&mei(), confirm, &idem(name)).await;
        confirmed.expect("confirms")
    }

    async fn retired_after(&self, time: Duration) -> u64 {
        self.scene.pass(time);
        self.retention.sweep_all().await.expect("sweeps").retired
    }
}

fn mei() -> Caller {
    Caller::user(app(), "mei".parse().expect("a user"))
}

fn idem(key: &str) -> IdempotencyKey {
    key.parse().expect("a key")
}

pub(super) async fn what_was_declined_is_kept_to_be_confirmed_again(scene: Scene) {
    let till = Till::of(&scene);
    // The one was never begun, the other refused by the payer's book.
    let mut intents = Vec::new();
    for (name, method, cents) in [("bos", "bo/wallet", 80), ("short", "mei/wallet", 101)] {
        let id = till.intent(cents, name).await;
        let declined = till.confirm(id, method, name).await;
        assert_eq!(declined.status, IntentStatus::RequiresPaymentMethod);
        intents.push((id, name));
    }
    assert_eq!(till.retired_after(WINDOW - AGE_MIN).await, 0);
    let more = NewTransfer::of(account("mei/cash"), account("mei/wallet"), eur(100));
    scene.moves("more", more).await;
    for (id, name) in intents {
        let paid = till
            .confirm(id, "mei/wallet", &format!("{name}-again"))
            .await;
        assert_eq!(paid.status, IntentStatus::Succeeded, "{name}");
    }
    assert_eq!(scene.balances().await, (19, 19, 181));
    assert_eq!(till.retired_after(WINDOW - AGE_MIN).await, 0);
    assert_eq!(till.retired_after(AGE_MIN).await, 2);
    scene.audit().await;
}

pub(super) async fn what_is_asked_of_a_retired_payment_is_put_before_a_person(scene: Scene) {
    let till = Till::of(&scene);
    let id = till.intent(60, "noodles").await;
    till.confirm(id, "mei/wallet", "noodles").await;
    assert_eq!(till.retired_after(WINDOW).await, 1);
    let refund = RefundIntent::of(id).with_amount(eur(20));
    let asked = till.payments.refund(&office(), refund, &idem("back")).await;
    asked.expect("is written down");
    let worker = Worker::new(&scene.engine, WorkerOptions::default());
    let worker = worker.with(till.payments.handlers());
    scene.pass(4 * AGE_MIN);
    worker.drain().await.expect("works");
    let waiting = till.payments.unresolved(&office(), None, 10).await;
    let waiting = waiting.expect("lists");
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(
        (waiting[0].operation.intent, waiting[0].amount),
        (id, eur(20))
    );
    assert_eq!(scene.balances().await, (40, 40, 60));
}
