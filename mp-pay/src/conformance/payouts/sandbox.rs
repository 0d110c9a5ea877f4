//! The sandbox as a payout backend that is tried, and as the provider behind it.

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    port::Destination,
};

use super::{JoinedPayouts, PayoutProvider};
use crate::{
    backend::Capabilities,
    conformance::{BackendFactory, Fault, Joined, Provider, sandbox::Sandbox},
    payout::PayoutNotice,
};

/// Makes sandboxes of one kind that pay out, each with books of its own.
#[derive(Clone, Copy, Debug)]
pub struct SandboxPayouts(Capabilities);

impl SandboxPayouts {
    /// Makes sandboxes that can do this, as far as it is about payouts.
    #[must_use]
    pub const fn new(can: Capabilities) -> Self {
        Self(can)
    }
}

#[async_trait]
impl BackendFactory<JoinedPayouts> for SandboxPayouts {
    async fn open(&self) -> JoinedPayouts {
        let provider = Arc::new(Sandbox::new(self.0));
        Joined::new(Arc::new(provider.backend.clone()), provider)
    }
}

#[async_trait]
impl PayoutProvider for Sandbox {
    fn accepted(&self) -> Destination {
        destination("po_ok")
    }

    fn declined(&self) -> Option<Destination> {
        Some(destination("po_declined"))
    }

    fn slow(&self) -> Option<Destination> {
        Some(destination("po_slow"))
    }

    fn returned(&self) -> Option<Destination> {
        Some(destination("po_returned"))
    }

    async fn paid(&self, currency: Currency) -> Option<Money> {
        let (books, app) = (self.in_its_books(), PayoutProvider::app(self));
        // What is told is what has become due.
        books.payout_notices(&app).await.ok()?;
        let movements = books.payout_movements(&app).await.ok()?;
        let mine = movements.iter().map(|movement| movement.amount);
        let mine = mine.filter(|amount| amount.currency() == currency);
        Some(Money::new(mine.map(Money::minor).sum(), currency))
    }

    async fn requests(&self) -> Option<u64> {
        Provider::requests(self).await
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        Provider::inflict(self, fault).await
    }

    async fn notices(&self) -> Option<Vec<PayoutNotice>> {
        let app = PayoutProvider::app(self);
        self.in_its_books().payout_notices(&app).await.ok()
    }

    async fn wait(&self) {
        Provider::wait(self).await;
    }
}

fn destination(text: &str) -> Destination {
    Destination::new(text).expect("letters make a destination")
}
