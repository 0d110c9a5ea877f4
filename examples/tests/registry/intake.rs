use std::sync::Arc;

use mp_core::{
    Engine,
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    Payments,
    webhook::{
        RawWebhook, WebhookId, Webhooks,
        stripe::{SIGNATURE_HEADER, StripeSecret, StripeWebhooks},
    },
};

use super::example::APP;

/// Where the bank's webhooks come in.
#[derive(Debug)]
pub(crate) struct Intake {
    engine: Engine,
    webhooks: Webhooks,
}

/// Joins the engine with the bank's webhooks, and the payments that they are about.
pub(crate) fn webhooks(engine: &Engine, payments: &Payments) -> Webhooks {
    let app = APP.parse().expect("an app id");
    let stripe = StripeWebhooks::new().with_secret(app, secret());
    let stripe = Arc::new(stripe.expect("one secret"));
    Webhooks::new(engine).with_source("bank".parse().expect("a name"), stripe, payments)
}

fn secret() -> StripeSecret {
    StripeSecret::new("whsec_of_the_bank").expect("long enough")
}

impl Intake {
    pub(crate) fn new(engine: &Engine, webhooks: Webhooks) -> Self {
        let engine = engine.clone();
        Self { engine, webhooks }
    }

    /// Accepts two webhooks that cannot be read, and are given up, and two that nobody has handled
    /// yet; returns the names of these.
    pub(crate) async fn fill(&self) -> [WebhookId; 2] {
        for broken in ["{", "["] {
            self.receive(broken).await;
        }
        let worker = Worker::new(&self.engine, WorkerOptions::default());
        let worker = worker.with(self.webhooks.handlers());
        worker.drain().await.expect("works");
        let paid =
            |event| format!(r#"{{"id":"{event}","type":"invoice.paid","data":{{"object":0}}}}"#);
        let first = self.receive(&paid("evt_1")).await;
        [first, self.receive(&paid("evt_2")).await]
    }

    async fn receive(&self, body: &str) -> WebhookId {
        let signature = secret().sign(body.as_bytes(), self.engine.now());
        let (app, source) = (APP.parse().expect("an app id"), "bank".parse());
        let webhook = RawWebhook::new(app, source.expect("a name"), body.as_bytes())
            .with_header(SIGNATURE_HEADER, signature);
        let accepted = self.webhooks.receive(&webhook).await;
        accepted.expect("it is signed").webhook
    }
}
