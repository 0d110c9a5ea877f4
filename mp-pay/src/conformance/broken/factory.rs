use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::UserId,
};

use super::{Broken, Bug, SECRET};
use crate::{
    backend::Capabilities,
    conformance::{BackendFactory, Fault, Joined, Provider, sandbox::Sandbox},
    method::PaymentMethodToken,
    payments::Notice,
};

/// Makes sandboxes in the hands of a bug.
#[derive(Debug)]
pub struct BrokenFactory<B> {
    can: Capabilities,
    bug: PhantomData<B>,
}

impl<B: Bug> Default for BrokenFactory<B> {
    fn default() -> Self {
        Self::of(B::CAN)
    }
}

impl<B: Bug> BrokenFactory<B> {
    /// Makes sandboxes that can do this.
    #[must_use]
    pub const fn of(can: Capabilities) -> Self {
        let bug = PhantomData;
        Self { can, bug }
    }
}

#[async_trait]
impl<B: Bug> BackendFactory for BrokenFactory<B> {
    async fn open(&self) -> Joined {
        let provider = Sandbox::new(self.can);
        let backend = Broken::<B>::new(Arc::new(provider.backend.clone()));
        let provider = Watched::<B>(provider, PhantomData);
        Joined::new(Arc::new(backend), Arc::new(provider))
    }
}

/// The provider behind a broken backend, with a secret, and webhooks in the bug's hands.
#[derive(Debug)]
struct Watched<B>(Sandbox, PhantomData<B>);

#[async_trait]
impl<B: Bug> Provider for Watched<B> {
    fn accepted(&self) -> PaymentMethodToken {
        self.0.accepted()
    }

    fn declined(&self) -> Option<PaymentMethodToken> {
        self.0.declined()
    }

    fn acting(&self) -> Option<PaymentMethodToken> {
        self.0.acting()
    }

    fn of_another(&self) -> Option<(UserId, PaymentMethodToken)> {
        self.0.of_another()
    }

    async fn act_as_payer(&self) -> bool {
        self.0.act_as_payer().await
    }

    async fn taken(&self, currency: Currency) -> Option<Money> {
        self.0.taken(currency).await
    }

    async fn held(&self, currency: Currency) -> Option<Money> {
        self.0.held(currency).await
    }

    async fn requests(&self) -> Option<u64> {
        self.0.requests().await
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        self.0.inflict(fault).await
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    async fn notices(&self) -> Option<Vec<Notice>> {
        self.0.notices().await.map(B::notices)
    }

    fn call_max(&self) -> Duration {
        Duration::from_secs(6)
    }

    async fn wait(&self) {
        self.0.wait().await;
    }
}
