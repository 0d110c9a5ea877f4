//! Bugs in what is told of a call, in errors, amounts, webhooks and logs.

use std::fmt;

use async_trait::async_trait;
use mp_core::amount::Money;

use super::{
    Bug,
    bug::{Answer, Inner, SECRET},
    notes::{Notes, charge_of, declined, settled},
};
use crate::{
    backend::{
        BackendError, BackendErrorKind, CaptureRequest, ChargeRequest, Charged, IncreaseRequest,
        Outcome,
    },
    operation::OperationKey,
    payments::Notice,
};

/// Reads a timeout as a decline.
#[derive(Debug, Default)]
pub struct ReadsATimeoutAsADecline;

impl Bug for ReadsATimeoutAsADecline {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        match answer? {
            Outcome::Unknown => Ok(declined()),
            outcome => Ok(outcome),
        }
    }
}

/// Reads an outage as a decline.
#[derive(Debug, Default)]
pub struct ReadsAnOutageAsADecline;

impl Bug for ReadsAnOutageAsADecline {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        match answer {
            Err(error) if error.kind() == BackendErrorKind::Unavailable => Ok(declined()),
            answer => answer,
        }
    }
}

/// Reads an outage as what the provider never does.
#[derive(Debug, Default)]
pub struct ReadsAnOutageAsUnsupported;

impl Bug for ReadsAnOutageAsUnsupported {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        answer.map_err(|error| match error.kind() {
            BackendErrorKind::Unavailable => {
                BackendError::new(BackendErrorKind::Unsupported, "call", "not there")
            }
            _ => error,
        })
    }
}

/// Takes silence for consent.
#[derive(Debug, Default)]
pub struct ReadsATimeoutAsDone;

impl Bug for ReadsATimeoutAsDone {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        match answer? {
            Outcome::Unknown => Ok(settled()),
            outcome => Ok(outcome),
        }
    }
}

/// Takes a timeout for an outage, in which nothing can have happened.
#[derive(Debug, Default)]
pub struct ReadsATimeoutAsAnOutage;

impl Bug for ReadsATimeoutAsAnOutage {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        match answer? {
            Outcome::Unknown => {
                let kind = BackendErrorKind::Unavailable;
                Err(BackendError::new(kind, "call", "timed out"))
            }
            outcome => Ok(outcome),
        }
    }
}

/// Tells of a charge what is left of it after the provider's fee.
#[derive(Debug, Default)]
pub struct TellsChargesWithoutTheFee;

#[async_trait]
impl Bug for TellsChargesWithoutTheFee {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = backend.charge(request).await?;
        if !request.capture {
            return Ok(answer);
        }
        let left = request.amount.minor() - 30;
        Ok(answer.with_amount(Money::new(left, request.amount.currency())))
    }
}

/// Tells of a hold what it has taken: nothing.
#[derive(Debug, Default)]
pub struct TellsHoldsAsNothing;

#[async_trait]
impl Bug for TellsHoldsAsNothing {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = backend.charge(request).await?;
        match answer {
            held @ Outcome::Authorized { .. } => {
                Ok(held.with_amount(Money::zero(request.amount.currency())))
            }
            answer => Ok(answer),
        }
    }
}

/// Tells of a capture or a refund the amount of its charge, and of an increase by how much it is.
#[derive(Debug, Default)]
pub struct TellsTheChargesAmount(Notes<Money>);

impl TellsTheChargesAmount {
    fn told(&self, charge: &Charged, answer: Outcome) -> Outcome {
        match self.0.get(&charge.key) {
            Some(amount) => answer.with_amount(amount),
            None => answer,
        }
    }
}

#[async_trait]
impl Bug for TellsTheChargesAmount {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.0.note(request.key, request.amount);
        backend.charge(request).await
    }

    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let answer = backend.capture(request).await?;
        Ok(self.told(&request.charge, answer))
    }

    async fn increase(&self, backend: &Inner, request: &IncreaseRequest) -> Answer {
        let answer = backend.increase(request).await?;
        Ok(self.told(&request.charge, answer))
    }

    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        let answer = backend.refund(key, charge, amount).await?;
        Ok(self.told(charge, answer))
    }
}

/// Reads every webhook as one about the charge.
#[derive(Debug, Default)]
pub struct ReadsWebhooksAsAboutTheCharge;

impl Bug for ReadsWebhooksAsAboutTheCharge {
    fn notices(mut notices: Vec<Notice>) -> Vec<Notice> {
        for notice in &mut notices {
            notice.operation = charge_of(&notice.operation);
        }
        notices
    }
}

/// Reads nothing in any webhook.
#[derive(Debug, Default)]
pub struct DropsEveryWebhook;

impl Bug for DropsEveryWebhook {
    fn notices(_: Vec<Notice>) -> Vec<Notice> {
        Vec::new()
    }
}

/// Derives `Debug` with its API key in it.
#[derive(Debug, Default)]
pub struct PrintsItsSecret;

impl Bug for PrintsItsSecret {
    fn print(&self, secret: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("api_key", &secret).finish()
    }
}

/// Puts the request with its headers into its errors.
#[derive(Debug, Default)]
pub struct PrintsItsRequest;

impl Bug for PrintsItsRequest {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        answer.map_err(|error| {
            let request = format!("POST /charges\nauthorization: Bearer {SECRET}");
            BackendError::new(error.kind(), "call", request)
        })
    }
}
