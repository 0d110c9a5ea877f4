use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::Provider;
use crate::backend::PaymentBackend;

/// Makes the backends that clauses are tried on; whoever tests a backend writes one.
///
/// One of payment backends is a `BackendFactory`, one of payout backends a
/// `BackendFactory<`[`JoinedPayouts`](super::payouts::JoinedPayouts)`>`.
#[async_trait]
pub trait BackendFactory<J = Joined>: fmt::Debug + Send + Sync {
    /// Makes a fresh backend and joins it to a provider.
    ///
    /// Clauses use keys that were never used before, so that a provider which remembers earlier
    /// clauses, as a vendor's test account does, will do.
    async fn open(&self) -> J;
}

/// A backend and the provider that it talks to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Joined<B: ?Sized = dyn PaymentBackend, P: ?Sized = dyn Provider> {
    /// What is tried.
    pub backend: Arc<B>,
    /// The other side, where the kit looks what happened.
    pub provider: Arc<P>,
}

impl<B: ?Sized, P: ?Sized> Joined<B, P> {
    /// Joins them.
    #[must_use]
    pub fn new(backend: Arc<B>, provider: Arc<P>) -> Self {
        Self { backend, provider }
    }
}

impl<B: ?Sized, P: ?Sized> Clone for Joined<B, P> {
    fn clone(&self) -> Self {
        Self::new(self.backend.clone(), self.provider.clone())
    }
}
