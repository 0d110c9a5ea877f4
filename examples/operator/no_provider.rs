use async_trait::async_trait;
use mp_core::amount::Money;
use mp_pay::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        IncreaseRequest, Lookup, LookupRequest, Outcome, PaymentBackend,
    },
    operation::OperationKey,
};

/// The provider of a process that calls none.
///
/// Handling a webhook goes on to whatever follows from it, such as giving back what came too late.
/// Here every such call surely did not act, so that it stays planned for a worker of the host. A
/// sandbox in its place would decline a refund that nobody has asked the provider for.
#[derive(Debug)]
pub(crate) struct NoProvider;

#[async_trait]
impl PaymentBackend for NoProvider {
    fn capabilities(&self) -> Capabilities {
        Capabilities::neither()
    }

    async fn charge(&self, _: &ChargeRequest) -> Result<Outcome, BackendError> {
        not_sent("charge")
    }

    async fn capture(&self, _: &CaptureRequest) -> Result<Outcome, BackendError> {
        not_sent("capture")
    }

    async fn increase(&self, _: &IncreaseRequest) -> Result<Outcome, BackendError> {
        not_sent("increase")
    }

    async fn void(&self, _: &OperationKey, _: &Charged) -> Result<Outcome, BackendError> {
        not_sent("void")
    }

    async fn refund(
        &self,
        _: &OperationKey,
        _: &Charged,
        _: Money,
    ) -> Result<Outcome, BackendError> {
        not_sent("refund")
    }

    async fn lookup(&self, _: &LookupRequest) -> Result<Lookup, BackendError> {
        Ok(Lookup::CannotTell)
    }
}

fn not_sent(op: &'static str) -> Result<Outcome, BackendError> {
    let why = "no provider is called from here";
    Err(BackendError::new(BackendErrorKind::Unavailable, op, why))
}
