use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mp_benches::{Load, Throughput};
use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::SystemClock,
    entropy::SystemEntropy,
    id::IdempotencyKey,
    store::Store,
};
use mp_pay::{
    Payments, SandboxBackend,
    intent::IntentStatus,
    method::PaymentMethodToken,
    payments::{CaptureIntent, ConfirmIntent, CreateIntent},
};
use tokio::runtime::Runtime;

/// Payments that are created, confirmed and captured, each of them once.
#[derive(Clone, Debug)]
pub(crate) struct Lives {
    payments: Payments,
    mei: Caller,
    stall: Caller,
    begun: Arc<AtomicU64>,
}

impl Lives {
    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        let engine = Engine::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
        let app = || "market".parse().expect("an app");
        Self {
            payments: Payments::new(&engine, Arc::new(SandboxBackend::new())),
            mei: Caller::user(app(), "mei".parse().expect("a user")),
            stall: Caller::app(app()).with_scope(Scope::STAFF),
            begun: Arc::default(),
        }
    }

    pub(crate) fn run(&self, runtime: &Runtime, load: Load) -> Throughput {
        let lives = self.clone();
        load.run(runtime, move |_, _| {
            let lives = lives.clone();
            async move { lives.live().await }
        })
    }

    /// Creates a payment, holds its money, and takes it.
    pub(crate) async fn live(&self) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let key: IdempotencyKey = format!("order-{number}").parse().expect("a key");
        let order = CreateIntent::of(Money::new(12_50, Currency::EUR))
            .with_payment_method(PaymentMethodToken::new("pm_ok").expect("a token"))
            .with_manual_capture();
        let created = self.payments.create_intent(&self.mei, order, &key).await;
        let intent = created.expect("creates").id;
        let confirm = ConfirmIntent::of(intent);
        let held = self.payments.confirm(&self.mei, confirm, &key).await;
        held.expect("confirms");
        let capture = CaptureIntent::of(intent);
        let taken = self.payments.capture(&self.stall, capture, &key).await;
        let status = taken.expect("captures").status;
        assert_eq!(status, IntentStatus::Succeeded);
    }
}
