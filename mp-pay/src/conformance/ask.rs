use std::fmt;

use mp_core::amount::Money;

use crate::{
    backend::{
        BackendError, CaptureRequest, ChargeRequest, Charged, IncreaseRequest, LookupRequest,
        Outcome, PaymentBackend,
    },
    operation::OperationKey,
};

/// One thing asked of a backend, which can be asked again.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Charge(ChargeRequest),
    Capture(CaptureRequest),
    Increase(IncreaseRequest),
    Void {
        key: OperationKey,
        charge: Charged,
    },
    Refund {
        key: OperationKey,
        charge: Charged,
        amount: Money,
    },
}

impl Ask {
    pub(super) async fn of(&self, backend: &dyn PaymentBackend) -> Result<Outcome, BackendError> {
        match self {
            Self::Charge(request) => backend.charge(request).await,
            Self::Capture(request) => backend.capture(request).await,
            Self::Increase(request) => backend.increase(request).await,
            Self::Void { key, charge } => backend.void(key, charge).await,
            Self::Refund {
                key,
                charge,
                amount,
            } => backend.refund(key, charge, *amount).await,
        }
    }

    pub(super) const fn key(&self) -> OperationKey {
        match self {
            Self::Charge(ChargeRequest { key, .. })
            | Self::Capture(CaptureRequest { key, .. })
            | Self::Increase(IncreaseRequest { key, .. })
            | Self::Void { key, .. }
            | Self::Refund { key, .. } => *key,
        }
    }

    /// Returns the question what became of it, by our key alone.
    pub(super) fn lookup(&self) -> LookupRequest {
        let key = self.key();
        match self {
            Self::Charge(ChargeRequest { app, .. }) => LookupRequest::of(app.clone(), key),
            Self::Capture(CaptureRequest { charge, .. })
            | Self::Increase(IncreaseRequest { charge, .. })
            | Self::Void { charge, .. }
            | Self::Refund { charge, .. } => {
                LookupRequest::of(charge.app.clone(), key).with_charge(charge.clone())
            }
        }
    }

    /// Returns what is to move or be held; a void has no amount.
    pub(super) const fn amount(&self) -> Option<Money> {
        Some(match self {
            Self::Charge(ChargeRequest { amount, .. })
            | Self::Capture(CaptureRequest { amount, .. })
            | Self::Increase(IncreaseRequest { total: amount, .. })
            | Self::Refund { amount, .. } => *amount,
            Self::Void { .. } => return None,
        })
    }

    /// Returns the same under the same key, of another amount.
    pub(super) fn with_amount(mut self, other: Money) -> Self {
        match &mut self {
            Self::Charge(ChargeRequest { amount, .. })
            | Self::Capture(CaptureRequest { amount, .. })
            | Self::Increase(IncreaseRequest { total: amount, .. })
            | Self::Refund { amount, .. } => *amount = other,
            Self::Void { .. } => {}
        }
        self
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Charge(ChargeRequest {
                amount, capture, ..
            }) => {
                let what = if *capture { "charge" } else { "hold" };
                write!(f, "a {what} of {amount}")
            }
            Self::Capture(CaptureRequest { amount, last, .. }) => {
                let which = if *last { "last" } else { "further" };
                write!(f, "a {which} capture of {amount}")
            }
            Self::Increase(IncreaseRequest { total, .. }) => write!(f, "an increase to {total}"),
            Self::Void { .. } => write!(f, "a void"),
            Self::Refund { amount, .. } => write!(f, "a refund of {amount}"),
        }
    }
}

/// A charge that was made, for what comes after it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) ask: Ask,
    pub(super) charge: Charged,
}
