//! One call to the backend: claimed, made, and its answer written down.

use mp_core::id::AppId;

use super::Payments;
use crate::{
    backend::{
        BackendError, BackendErrorKind, CaptureRequest, ChargeRequest, Charged, DeclineCode,
        IncreaseRequest, Outcome,
    },
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
        // What was claimed was planned, with its amount; of anything else nothing is known.
        let Some(amount) = payment.amount_of(key.step) else {
            return Ok(Outcome::Unknown);
        };
        let n = key.step.attempt().or(payment.intent.attempt);
        let n = n.unwrap_or(payment.intent.attempts);
        let Some(attempt) = payment.attempt(n) else {
            return Ok(Outcome::Unknown);
        };
        let charge = charged(payment, n);
        match key.step {
            Step::Charge(_) => {
                let request = ChargeRequest {
                    key,
                    app: payment.intent.app.clone(),
                    payer: payment.intent.owner.clone(),
                    amount,
                    payment_method: attempt.payment_method.clone(),
                    capture: attempt.capture,
                };
                self.backend.charge(&request).await
            }
            Step::Increase(..) => {
                let total = amount;
                let request = IncreaseRequest { key, charge, total };
                self.backend.increase(&request).await
            }
            Step::Capture(_, number) => {
                let request = CaptureRequest {
                    key,
                    charge,
                    amount,
                    last: attempt.captures.get(&number).is_none_or(|it| it.last),
                };
                self.backend.capture(&request).await
            }
            Step::Void(..) => self.backend.void(&key, &charge).await,
            Step::Return(..) | Step::Refund(_) => self.backend.refund(&key, &charge, amount).await,
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
