//! One call to the backend: claimed, made, and its answer written down.

use std::time::Duration;

use mp_core::amount::Money;

use super::Payments;
use crate::{
    attempt::Attempt,
    backend::{
        BackendError, BackendErrorKind, CaptureRequest, ChargeRequest, Charged, DeclineCode,
        IncreaseRequest, LookupRequest, Outcome, PaymentBackend,
    },
    error::PayError,
    journal::{Event, Source},
    operation::{OperationKey, Stage, Step},
    payment::{self, Change, Payment},
    routing::CallEnd,
};

impl Payments {
    /// Claims the call if it is still to be made then, makes it, and writes down what came of it.
    pub(super) async fn call(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<Payment, PayError> {
        self.call_if(payment, key, is_due).await
    }

    /// Makes a call again of which nothing is known, as [`call`](Self::call) does; of a charge only if it
    /// is still waited for when it is claimed: it may never have come, and would take money.
    pub(super) async fn replay(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<Payment, PayError> {
        self.call_if(payment, key, is_due_and_wanted).await
    }

    async fn call_if(
        &self,
        payment: Payment,
        key: OperationKey,
        is_wanted: IsWanted,
    ) -> Result<Payment, PayError> {
        match self.claim(payment, key, is_wanted).await? {
            (true, payment) => self.call_claimed(payment, key).await,
            (false, payment) => Ok(payment),
        }
    }

    /// Makes a call that is claimed, and writes down what came of it.
    pub(super) async fn call_claimed(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<Payment, PayError> {
        let app = payment.intent.app.clone();
        match self.answer(&payment, key).await? {
            Some(outcome) => self.observed(&app, key, outcome, Source::Call).await,
            None => self.not_sent(payment, key).await,
        }
    }

    /// Makes the call, and returns what it came to; `None` if it surely did not reach the backend.
    async fn answer(
        &self,
        payment: &Payment,
        key: OperationKey,
    ) -> Result<Option<Outcome>, PayError> {
        // What was claimed was planned, for an attempt and with an amount; of anything else nothing
        // is known.
        let (Some(attempt), Some(amount)) =
            (payment.attempt_of(key.step), payment.amount_of(key.step))
        else {
            return Ok(Some(Outcome::Unknown));
        };
        let name = attempt.backend.as_ref();
        let backend = self.routing.backend(name)?;
        let operation = payment.operation(key.step);
        let left = operation.map(|it| it.time_left(self.options.call_max, self.engine.now()));
        let time = left.unwrap_or_default();
        if time.is_zero() {
            return Ok(None);
        }
        self.routing.begin(name, self.engine.now());
        let call = backend_call(backend, payment, attempt, key, amount);
        let answer = tokio::time::timeout(time, call).await;
        let outcome = learnt(key, answer.ok());
        let failed = matches!(outcome, None | Some(Outcome::Unknown));
        let end = if failed {
            CallEnd::Failed
        } else {
            CallEnd::Answered
        };
        self.routing.end(name, end, self.engine.now());
        Ok(outcome)
    }

    /// Commits that the call is about to be made; of several who try, one may.
    async fn claim(
        &self,
        payment: Payment,
        key: OperationKey,
        is_wanted: IsWanted,
    ) -> Result<(bool, Payment), PayError> {
        let seen = payment.operation(key.step).cloned();
        let command = payment::command(&payment.intent.app, payment.intent.id)?;
        let call_max = self.options.call_max;
        let claim = move |change: &mut Change| {
            let mine = change.payment().operation(key.step) == seen.as_ref();
            let claims = mine && is_wanted(change, key.step, call_max);
            match claims {
                true => change.apply(Event::Sent { operation: key })?,
                // A charge that is not made any more because its time is over has expired.
                false => change.catch_up()?,
            }
            Ok((claims, change.payment().clone()))
        };
        self.change(command, claim).await
    }

    async fn not_sent(&self, payment: Payment, key: OperationKey) -> Result<Payment, PayError> {
        let mine = payment.operation(key.step).cloned();
        let command = payment::command(&payment.intent.app, key.intent)?;
        let take_back = move |change: &mut Change| {
            // Who has called again since, or has heard of it, knows better.
            if change.payment().operation(key.step) == mine.as_ref() {
                change.apply(Event::NotSent { operation: key })?;
            }
            Ok(change.payment().clone())
        };
        self.change(command, take_back).await
    }
}

/// Tells by the payment, as it stands when a call is claimed, whether the call is to be made.
type IsWanted = fn(&Change, Step, Duration) -> bool;

/// Returns whether what was to be called for is to be still: whoever looked may have stood still since. What
/// never came may be wanted no more, and a key that was remembered may be forgotten when the call comes.
fn is_due(change: &Change, step: Step, call_max: Duration) -> bool {
    let (payment, now) = (change.payment(), change.now());
    let Some(operation) = payment.operation(step) else {
        return false;
    };
    if operation.stage == Stage::Planned {
        return payment.wants(step, now);
    }
    let can = change.routing().can(payment, step);
    can.is_ok_and(|can| operation.may_be_replayed(can, call_max, now))
}

fn is_due_and_wanted(change: &Change, step: Step, call_max: Duration) -> bool {
    is_due(change, step, call_max) && change.payment().wants(step, change.now())
}

/// Returns what a call has told, if it may have reached the backend.
fn learnt(key: OperationKey, answer: Option<Result<Outcome, BackendError>>) -> Option<Outcome> {
    let error = match answer {
        Some(Ok(outcome)) => return Some(outcome),
        Some(Err(error)) => error,
        None => return Some(Outcome::Unknown),
    };
    match error.kind() {
        BackendErrorKind::Unavailable => None,
        BackendErrorKind::Unsupported => Some(Outcome::Declined {
            code: DeclineCode::of("unsupported"),
        }),
        BackendErrorKind::Unknown => {
            tracing::warn!(%error, operation = %key, "the outcome of a call is not known");
            Some(Outcome::Unknown)
        }
    }
}

async fn backend_call(
    backend: &dyn PaymentBackend,
    payment: &Payment,
    attempt: &Attempt,
    key: OperationKey,
    amount: Money,
) -> Result<Outcome, BackendError> {
    let charge = charged(payment, attempt);
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
            backend.charge(&request).await
        }
        Step::Increase(..) => {
            let total = amount;
            let request = IncreaseRequest { key, charge, total };
            backend.increase(&request).await
        }
        Step::Capture(_, number) => {
            let request = CaptureRequest {
                key,
                charge,
                amount,
                last: attempt.captures.get(&number).is_none_or(|it| it.last),
            };
            backend.capture(&request).await
        }
        Step::Void(..) => backend.void(&key, &charge).await,
        Step::Return(..) | Step::Refund(_) => backend.refund(&key, &charge, amount).await,
    }
}

/// Returns the question what became of an operation, with all names that it is known by.
pub(super) fn lookup_request(payment: &Payment, key: OperationKey) -> LookupRequest {
    let operation = payment.operation(key.step);
    let attempt = payment.attempt_of(key.step);
    let belongs_to_another = !matches!(key.step, Step::Charge(_));
    LookupRequest {
        key,
        app: payment.intent.app.clone(),
        reference: operation.and_then(|operation| operation.reference.clone()),
        charge: attempt
            .filter(|_| belongs_to_another)
            .map(|attempt| charged(payment, attempt)),
    }
}

fn charged(payment: &Payment, attempt: &Attempt) -> Charged {
    Charged {
        app: payment.intent.app.clone(),
        key: OperationKey {
            intent: payment.intent.id,
            step: Step::Charge(attempt.number),
        },
        reference: attempt.charge.reference.clone(),
    }
}
