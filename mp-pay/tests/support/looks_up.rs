use async_trait::async_trait;
use mp_core::amount::Money;
use mp_pay::{
    SandboxBackend,
    backend::{
        BackendError, Capabilities, CaptureRequest, ChargeRequest, Charged, Lookup, LookupRequest,
        Outcome, PaymentBackend,
    },
    operation::OperationKey,
};

/// A backend that can tell of some operations only what became of them, whatever it declares.
#[derive(Debug)]
pub(crate) struct LooksUp {
    pub(crate) inner: SandboxBackend,
    /// Whether it can tell.
    pub(crate) can_tell: fn(&OperationKey) -> bool,
}

#[async_trait]
impl PaymentBackend for LooksUp {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        self.inner.charge(request).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.inner.capture(request).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.inner.void(key, charge).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        self.inner.refund(key, charge, amount).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        match (self.can_tell)(&request.key) {
            true => self.inner.lookup(request).await,
            false => Ok(Lookup::CannotTell),
        }
    }
}
