use async_trait::async_trait;
use mp_core::amount::Money;
use mp_pay::{
    PaymentBackend, SandboxBackend,
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        IncreaseRequest, Lookup, LookupRequest, Outcome,
    },
    operation::OperationKey,
    payout::{PayoutBackend, PayoutCapabilities, PayoutInstruction, PayoutLookupRequest},
};

/// The payment method at which the bank tells of a cent less than it was asked for, which a person
/// has to look into.
pub(crate) const ODD: &str = "pm_odd";

/// The destination at which the bank tells the same of a payout.
pub(crate) const ODD_ACCOUNT: &str = "po_odd";

/// The destination for which the bank cannot be reached.
pub(crate) const FAR_ACCOUNT: &str = "po_far";

/// A bank that is a sandbox but for the odd payment method and two destinations.
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

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        self.0.lookup(request).await
    }
}

#[async_trait]
impl PayoutBackend for Bank {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.0.payout_capabilities()
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        let asked = instruction.amount;
        let account = instruction.destination.as_str();
        if account == FAR_ACCOUNT {
            let kind = BackendErrorKind::Unavailable;
            return Err(BackendError::new(kind, "pay_out", "it is far away"));
        }
        let outcome = self.0.pay_out(instruction).await?;
        Ok(match account {
            ODD_ACCOUNT => outcome.with_amount(Money::new(asked.minor() - 1, asked.currency())),
            _ => outcome,
        })
    }

    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        self.0.lookup_payout(request).await
    }
}
