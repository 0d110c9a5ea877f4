use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::Provider;
use crate::backend::PaymentBackend;

/// Makes the backends that clauses are tried on; whoever tests a backend writes one.
#[async_trait]
pub trait BackendFactory: fmt::Debug + Send + Sync {
    /// Makes a fresh backend and joins it to a provider.
    ///
    /// Clauses use keys that were never used before, so that a provider which remembers earlier
    /// clauses, as a vendor's test account does, will do.
    async fn open(&self) -> Joined;
}

/// A backend and the provider that it talks to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Joined {
    /// What is tried.
    pub backend: Arc<dyn PaymentBackend>,
    /// The other side, where the kit looks what happened.
    pub provider: Arc<dyn Provider>,
}

impl Joined {
    /// Joins them.
    #[must_use]
    pub fn new(backend: Arc<dyn PaymentBackend>, provider: Arc<dyn Provider>) -> Self {
        Self { backend, provider }
    }
}
