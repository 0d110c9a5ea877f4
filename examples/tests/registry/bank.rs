use async_trait::async_trait;
use mp_core::{amount::Money, id::AppId};
use mp_pay::{
    PaymentBackend, SandboxBackend,
    backend::{
        BackendError, Capabilities, CaptureRequest, ChargeRequest, Charged, IncreaseRequest,
        Lookup, Outcome,
    },
    operation::OperationKey,
};

/// The payment method at which the bank tells of a cent less than it was asked for, which a person
/// has to look into.
pub(crate) const ODD: &str = "pm_odd";

/// A bank that is a sandbox but for the odd payment method.
#[derive(Debug)]
pub(crate) struct Bank(pub(crate) SandboxBackend);

#[async_trait]
impl PaymentBackend for Bank {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        let outcome = self.0.charge(request).await?;
        let asked = request.amount;
        Ok(match request.payment_method.as_str() {
            ODD => outcome.with_amount(Money::new(asked.minor() - 1, asked.currency())),
            _ => outcome,
        })
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.0.capture(request).await
    }

    async fn increase(&self, request: &IncreaseRequest) -> Result<Outcome, BackendError> {
        self.0.increase(request).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.0.void(key, charge).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        self.0.refund(key, charge, amount).await
    }

    async fn lookup(&self, app: &AppId, key: &OperationKey) -> Result<Lookup, BackendError> {
        self.0.lookup(app, key).await
    }
}
