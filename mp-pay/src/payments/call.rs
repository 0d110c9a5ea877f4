//! One call to the backend: claimed, made, and its answer written down.

use mp_core::id::AppId;

use super::Payments;
use crate::{
    backend::{BackendError, BackendErrorKind, ChargeRequest, Charged, DeclineCode, Outcome},
    error::PayError,
    journal::{Event, Source},
    operation::{OperationKey, Step},
    payment::{self, Change, Payment},
};

impl Payments {
    /// Claims the call, makes it, and writes down what came of it.
    pub(super) async fn call(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<Payment, PayError> {
        let (claimed, payment) = self.claim(payment, key).await?;
        if !claimed {
            return Ok(payment);
        }
        let app = payment.intent.app.clone();
        let call = self.backend_call(&payment, key);
        let outcome = match tokio::time::timeout(self.options.call_max, call).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => match error.kind() {
                BackendErrorKind::Unavailable => return self.not_sent(&app, key).await,
                BackendErrorKind::Unsupported => Outcome::Declined {
                    code: DeclineCode::of("unsupported"),
                },
                BackendErrorKind::Unknown => {
                    tracing::warn!(%error, operation = %key, "the outcome of a call is not known");
                    Outcome::Unknown
                }
            },
            Err(_) => Outcome::Unknown,
        };
        self.observed(&app, key, outcome, Source::Call).await
    }

    /// Commits that the call is about to be made; of several who try, one may.
    async fn claim(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<(bool, Payment), PayError> {
        let seen = payment.operation(key.step).cloned();
        let command = payment::command(&payment.intent.app, payment.intent.id)?;
        let claim = move |change: &mut Change| {
            let mine = change.payment().operation(key.step) == seen.as_ref();
            if mine {
                change.apply(Event::Sent { operation: key })?;
            }
            Ok((mine, change.payment().clone()))
        };
        self.change(command, claim).await
    }

    async fn backend_call(
        &self,
        payment: &Payment,
        key: OperationKey,
    ) -> Result<Outcome, BackendError> {
        match key.step {
            Step::Charge(n) => match payment.attempt(n) {
                Some(attempt) => {
                    let request = ChargeRequest {
                        key,
                        app: payment.intent.app.clone(),
                        amount: attempt.amount,
                        payment_method: attempt.payment_method.clone(),
                        capture: attempt.capture,
                    };
                    self.backend.charge(&request).await
                }
                None => Ok(Outcome::Unknown),
            },
            Step::Capture(n) => {
                let amount = payment.attempt(n).map(|attempt| attempt.takes());
                let amount = amount.unwrap_or(payment.intent.amount_capturable);
                let charged = charged(payment, n);
                self.backend.capture(&key, &charged, amount).await
            }
            Step::Void(n) => self.backend.void(&key, &charged(payment, n)).await,
            Step::Return(n) => {
                let amount = payment.attempt(n).map(|attempt| attempt.takes());
                let amount = amount.unwrap_or(payment.intent.amount);
                let charged = charged(payment, n);
                self.backend.refund(&key, &charged, amount).await
            }
            Step::Refund(id) => {
                let n = payment.intent.attempt.unwrap_or(payment.intent.attempts);
                let amount = payment.refunds.get(&id).map(|refund| refund.amount);
                let amount = amount.unwrap_or(payment.intent.amount_reserved_for_refund);
                let charged = charged(payment, n);
                self.backend.refund(&key, &charged, amount).await
            }
        }
    }

    async fn not_sent(&self, app: &AppId, key: OperationKey) -> Result<Payment, PayError> {
        let command = payment::command(app, key.intent)?;
        let take_back = move |change: &mut Change| {
            change.apply(Event::NotSent { operation: key })?;
            Ok(change.payment().clone())
        };
        self.change(command, take_back).await
    }
}

fn charged(payment: &Payment, attempt: u32) -> Charged {
    let step = Step::Charge(attempt);
    let reference = payment.operation(step).and_then(|op| op.reference.clone());
    let intent = payment.intent.id;
    Charged {
        app: payment.intent.app.clone(),
        key: OperationKey { intent, step },
        reference,
    }
}
