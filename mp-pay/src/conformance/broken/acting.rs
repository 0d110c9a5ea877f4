//! Bugs in how often, and how much, is moved.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use mp_core::amount::{Currency, Money};

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, anew, another, authorized, settled},
};
use crate::{
    backend::{
        BackendError, CaptureRequest, ChargeRequest, Charged, IncreaseRequest, Lookup,
        LookupRequest, Outcome,
    },
    method::PaymentMethodToken,
    operation::OperationKey,
};

/// Sends every charge twice, the second time under another key, as a client library does that
/// repeats requests by itself.
#[derive(Debug, Default)]
pub struct ChargesTwice;

#[async_trait]
impl Bug for ChargesTwice {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        backend.charge(&anew(request)).await?;
        backend.charge(request).await
    }
}

/// Declines, and takes the money by another way.
#[derive(Debug, Default)]
pub struct TakesWhatItDeclines;

#[async_trait]
impl Bug for TakesWhatItDeclines {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = backend.charge(request).await?;
        if let (Outcome::Declined { .. }, Ok(payment_method)) =
            (&answer, PaymentMethodToken::new("pm_ok"))
        {
            let again = ChargeRequest {
                payment_method,
                ..anew(request)
            };
            backend.charge(&again).await?;
        }
        Ok(answer)
    }
}

/// Charges whose payment method it is, whoever asks.
#[derive(Debug, Default)]
pub struct TakesWhatIsAnothers;

#[async_trait]
impl Bug for TakesWhatIsAnothers {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let token = request.payment_method.as_str();
        let owner = token.strip_prefix("pm_of_").and_then(|it| it.parse().ok());
        let payer = owner.unwrap_or_else(|| request.payer.clone());
        let request = request.clone();
        backend.charge(&ChargeRequest { payer, ..request }).await
    }
}

/// Captures twice, the second time under another key.
#[derive(Debug, Default)]
pub struct CapturesTwice;

#[async_trait]
impl Bug for CapturesTwice {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let answer = backend.capture(request).await?;
        let again = CaptureRequest {
            key: another(request.key),
            ..request.clone()
        };
        backend.capture(&again).await?;
        Ok(answer)
    }
}

/// Takes at once what it was to hold.
#[derive(Debug, Default)]
pub struct TakesWhatItWasToHold;

#[async_trait]
impl Bug for TakesWhatItWasToHold {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = backend.charge(request).await?;
        if !request.capture {
            let taken = ChargeRequest {
                capture: true,
                ..anew(request)
            };
            backend.charge(&taken).await?;
        }
        Ok(answer)
    }
}

/// Tells a refund as done, and does nothing.
#[derive(Debug, Default)]
pub struct TellsRefundsAsDone;

#[async_trait]
impl Bug for TellsRefundsAsDone {
    async fn refund(&self, _: &Inner, _: &OperationKey, _: &Charged, amount: Money) -> Answer {
        Ok(settled().with_amount(amount))
    }
}

/// Refunds twice, the second time under another key.
#[derive(Debug, Default)]
pub struct RefundsTwice;

#[async_trait]
impl Bug for RefundsTwice {
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        let answer = backend.refund(key, charge, amount).await?;
        backend.refund(&another(*key), charge, amount).await?;
        Ok(answer)
    }
}

/// Keeps the amount of a charge where the next charge finds it.
#[derive(Debug, Default)]
pub struct MixesUpCharges(Mutex<Option<Money>>);

#[async_trait]
impl Bug for MixesUpCharges {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        if let Ok(mut latest) = self.0.lock() {
            *latest = Some(request.amount);
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
        let latest = self.0.lock().ok().and_then(|latest| *latest);
        let amount = latest.unwrap_or(request.amount);
        let mixed_up = ChargeRequest {
            amount,
            ..request.clone()
        };
        backend.charge(&mixed_up).await
    }
}

/// Counts yen in hundredths, as if they were cents.
#[derive(Debug, Default)]
pub struct CountsYenInHundredths;

#[async_trait]
impl Bug for CountsYenInHundredths {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let times = if request.amount.currency() == Currency::JPY {
            100
        } else {
            1
        };
        let amount = Money::new(request.amount.minor() * times, request.amount.currency());
        let counted = ChargeRequest {
            amount,
            ..request.clone()
        };
        let answer = backend.charge(&counted).await?;
        Ok(answer.with_amount(request.amount))
    }
}

/// Charges again when the payer has done what was asked of them.
#[derive(Debug, Default)]
pub struct ChargesAnewOnceThePayerActed(Notes<ChargeRequest>);

#[async_trait]
impl Bug for ChargesAnewOnceThePayerActed {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = backend.charge(request).await?;
        if matches!(answer, Outcome::NeedsAction { .. }) {
            self.0.note(request.key, request.clone());
        }
        Ok(answer)
    }

    async fn lookup(
        &self,
        backend: &Inner,
        request: &LookupRequest,
    ) -> Result<Lookup, BackendError> {
        if let (Some(charge), Ok(payment_method)) = (
            self.0.forget(&request.key),
            PaymentMethodToken::new("pm_ok"),
        ) {
            let again = ChargeRequest {
                payment_method,
                ..anew(&charge)
            };
            backend.charge(&again).await?;
        }
        backend.lookup(request).await
    }
}

/// Answers a raise as made, and makes none.
#[derive(Debug, Default)]
pub struct RaisesNothing;

#[async_trait]
impl Bug for RaisesNothing {
    async fn increase(&self, _: &Inner, request: &IncreaseRequest) -> Answer {
        Ok(authorized().with_amount(request.total))
    }
}
