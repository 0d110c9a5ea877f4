use std::{fmt, sync::Arc};

use async_trait::async_trait;
use mp_core::amount::Money;

use crate::{
    backend::{
        BackendError, Capabilities, CaptureRequest, ChargeRequest, Charged, IncreaseRequest,
        Lookup, LookupRequest, Outcome, PaymentBackend, sandbox::REPLAY_WINDOW,
    },
    operation::OperationKey,
    payments::Notice,
};

/// A backend that a bug passes calls on to, or not.
pub type Inner = Arc<dyn PaymentBackend>;

/// What a call is answered.
pub type Answer = Result<Outcome, BackendError>;

/// What backends that are wrong on purpose would keep to themselves, but for those who tell.
pub const SECRET: &str = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";

/// One mistake: what it does differs from what the backend in its hands would do.
#[async_trait]
pub trait Bug: fmt::Debug + Default + Send + Sync + 'static {
    /// What the backend in its hands can do: everything, unless the bug is about what it cannot.
    const CAN: Capabilities = Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries();

    /// Gets [`PaymentBackend::capabilities`] wrong, or passes it on.
    fn capabilities(&self, backend: &Inner) -> Capabilities {
        backend.capabilities()
    }

    /// Gets [`PaymentBackend::charge`] wrong, or passes it on.
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        backend.charge(request).await
    }

    /// Gets [`PaymentBackend::capture`] wrong, or passes it on.
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        backend.capture(request).await
    }

    /// Gets [`PaymentBackend::increase`] wrong, or passes it on.
    async fn increase(&self, backend: &Inner, request: &IncreaseRequest) -> Answer {
        backend.increase(request).await
    }

    /// Gets [`PaymentBackend::void`] wrong, or passes it on.
    async fn void(&self, backend: &Inner, key: &OperationKey, charge: &Charged) -> Answer {
        backend.void(key, charge).await
    }

    /// Gets [`PaymentBackend::refund`] wrong, or passes it on.
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        backend.refund(key, charge, amount).await
    }

    /// Gets [`PaymentBackend::lookup`] wrong, or passes it on.
    async fn lookup(
        &self,
        backend: &Inner,
        request: &LookupRequest,
    ) -> Result<Lookup, BackendError> {
        backend.lookup(request).await
    }

    /// Gets any answer to a charge, a capture, an increase, a void or a refund wrong, or passes it
    /// on.
    ///
    /// # Errors
    ///
    /// Whatever the bug says.
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        answer
    }

    /// Reads webhooks wrong, or right.
    fn notices(notices: Vec<Notice>) -> Vec<Notice> {
        notices
    }

    /// Prints a backend wrong, or without its secret.
    ///
    /// # Errors
    ///
    /// The formatter's.
    fn print(&self, _: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Broken(***)")
    }
}

/// Makes no mistake: to show that it is the bugs that are caught.
#[derive(Debug, Default)]
pub struct Unbroken;

impl Bug for Unbroken {}

/// A backend in the hands of a bug.
pub struct Broken<B> {
    backend: Inner,
    secret: &'static str,
    bug: B,
}

impl<B: Bug> Broken<B> {
    /// Breaks a backend.
    #[must_use]
    pub fn new(backend: Inner) -> Self {
        Self {
            backend,
            secret: SECRET,
            bug: B::default(),
        }
    }
}

impl<B: Bug> fmt::Debug for Broken<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bug.print(self.secret, f)
    }
}

#[async_trait]
impl<B: Bug> PaymentBackend for Broken<B> {
    fn capabilities(&self) -> Capabilities {
        self.bug.capabilities(&self.backend)
    }

    async fn charge(&self, request: &ChargeRequest) -> Answer {
        let answer = self.bug.charge(&self.backend, request).await;
        self.bug.answer(&request.key, answer)
    }

    async fn capture(&self, request: &CaptureRequest) -> Answer {
        let answer = self.bug.capture(&self.backend, request).await;
        self.bug.answer(&request.key, answer)
    }

    async fn increase(&self, request: &IncreaseRequest) -> Answer {
        let answer = self.bug.increase(&self.backend, request).await;
        self.bug.answer(&request.key, answer)
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Answer {
        let answer = self.bug.void(&self.backend, key, charge).await;
        self.bug.answer(key, answer)
    }

    async fn refund(&self, key: &OperationKey, charge: &Charged, amount: Money) -> Answer {
        let answer = self.bug.refund(&self.backend, key, charge, amount).await;
        self.bug.answer(key, answer)
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        self.bug.lookup(&self.backend, request).await
    }
}
