use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    port::Destination,
};

use super::{BrokenPayouts, PayoutBug};
use crate::{
    backend::Capabilities,
    conformance::{
        BackendFactory, Fault, Joined,
        broken::SECRET,
        payouts::{JoinedPayouts, PayoutProvider},
        sandbox::Sandbox,
    },
    payout::PayoutNotice,
};

/// Makes sandboxes that pay out in the hands of a bug.
#[derive(Debug)]
pub struct BrokenPayoutFactory<B> {
    can: Capabilities,
    bug: PhantomData<B>,
}

impl<B: PayoutBug> Default for BrokenPayoutFactory<B> {
    fn default() -> Self {
        Self::of(B::CAN)
    }
}

impl<B: PayoutBug> BrokenPayoutFactory<B> {
    /// Makes sandboxes that can do this.
    #[must_use]
    pub const fn of(can: Capabilities) -> Self {
        let bug = PhantomData;
        Self { can, bug }
    }
}

#[async_trait]
impl<B: PayoutBug> BackendFactory<JoinedPayouts> for BrokenPayoutFactory<B> {
    async fn open(&self) -> JoinedPayouts {
        let provider = Sandbox::new(self.can);
        let backend = BrokenPayouts::<B>::new(Arc::new(provider.backend.clone()));
        let provider = Watched::<B>(provider, PhantomData);
        Joined::new(Arc::new(backend), Arc::new(provider))
    }
}

/// The provider behind a broken backend, with a secret, and webhooks in the bug's hands.
#[derive(Debug)]
struct Watched<B>(Sandbox, PhantomData<B>);

impl<B> Watched<B> {
    fn sandbox(&self) -> &dyn PayoutProvider {
        &self.0
    }
}

#[async_trait]
impl<B: PayoutBug> PayoutProvider for Watched<B> {
    fn accepted(&self) -> Destination {
        self.sandbox().accepted()
    }

    fn declined(&self) -> Option<Destination> {
        self.sandbox().declined()
    }

    fn slow(&self) -> Option<Destination> {
        self.sandbox().slow()
    }

    fn returned(&self) -> Option<Destination> {
        self.sandbox().returned()
    }

    async fn paid(&self, currency: Currency) -> Option<Money> {
        self.sandbox().paid(currency).await
    }

    async fn requests(&self) -> Option<u64> {
        self.sandbox().requests().await
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        self.sandbox().inflict(fault).await
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    async fn notices(&self) -> Option<Vec<PayoutNotice>> {
        self.sandbox().notices().await.map(B::notices)
    }

    fn call_max(&self) -> Duration {
        Duration::from_secs(6)
    }

    async fn wait(&self) {
        self.sandbox().wait().await;
    }
}
