//! One path for the call that is made at once and for the one that a worker makes later.

use std::{collections::BTreeSet, sync::Arc};

use mp_core::{
    Error, ErrorKind,
    id::AppId,
    work::{self, Done, Handler, HandlerError},
};

use super::Payments;
use crate::{
    backend::{
        BackendError, BackendErrorKind, ChargeRequest, Charged, DeclineCode, Lookup, Outcome,
    },
    error::PayError,
    intent::IntentId,
    journal::{Event, Source},
    operation::{OperationDue, OperationKey, Stage, Step},
    payment::{self, Change, Move, Payment, next_move},
};

impl Payments {
    /// Returns the handlers that finish what a process could not: for a
    /// [`Worker`](mp_core::work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let payments = self.clone();
        vec![work::on(move |delivery: mp_core::store::Delivery, due| {
            let payments = payments.clone();
            async move { payments.work(delivery.partition.app(), due).await }
        })]
    }

    async fn work(&self, app: &str, due: OperationDue) -> Result<Done, HandlerError> {
        let app = AppId::new(app).map_err(|error| {
            HandlerError::GiveUp(Error::invalid("app", "names nothing").with_source(error))
        })?;
        let worked = self.work_on(&app, due.operation).await;
        worked.unwrap_or_else(|error| Err(HandlerError::from(Error::from(error))))
    }

    async fn work_on(
        &self,
        app: &AppId,
        key: OperationKey,
    ) -> Result<Result<Done, HandlerError>, PayError> {
        let payment = self.read(app, key.intent).await?;
        let payment = self.expire(payment).await?;
        Ok(match self.move_of(&payment, key) {
            Move::Rest => Ok(Done::Finished),
            Move::Wait(at) => Ok(Done::Again(at)),
            Move::Person => Err(HandlerError::GiveUp(needs_person())),
            Move::Call | Move::Ask => {
                let before = payment.operation(key.step).cloned();
                let after = self.drive(payment, key).await?;
                match after.operation(key.step) {
                    // Nothing was learnt and nothing written, so the outbox record stands as it is.
                    Some(same) if before.as_ref() == Some(same) => {
                        Ok(Done::Again(same.ask_again_at(self.engine.now())))
                    }
                    // Every commit that moves an operation has put its outbox record right, and
                    // what this delivery says of it counts no more.
                    _ => Ok(Done::Finished),
                }
            }
        })
    }

    fn move_of(&self, payment: &Payment, key: OperationKey) -> Move {
        let can = self.backend.capabilities();
        next_move(
            payment,
            key.step,
            can,
            self.options.call_max,
            self.engine.now(),
        )
    }

    /// Does at once all that can be done about an intent, each operation once.
    ///
    /// # Errors
    ///
    /// The store's errors, as unknown: what was asked for is written down, so the same call with
    /// the same key goes on from here.
    pub(crate) async fn carry_on(&self, app: &AppId, id: IntentId) -> Result<Payment, PayError> {
        let carried = self.do_all(app, id).await;
        carried.map_err(|error| match Error::from(error) {
            error if error.kind() == ErrorKind::Unavailable => broke_off(error).into(),
            error => error.into(),
        })
    }

    async fn do_all(&self, app: &AppId, id: IntentId) -> Result<Payment, PayError> {
        let mut payment = self.expire(self.read(app, id).await?).await?;
        let mut driven = BTreeSet::new();
        while let Some(key) = self.next_undone(&payment, &driven) {
            driven.insert(key);
            payment = self.drive(payment, key).await?;
        }
        Ok(payment)
    }

    fn next_undone(
        &self,
        payment: &Payment,
        driven: &BTreeSet<OperationKey>,
    ) -> Option<OperationKey> {
        payment
            .operations()
            .filter(|key| !driven.contains(key))
            .find(|key| matches!(self.move_of(payment, *key), Move::Call | Move::Ask))
    }

    /// Ends the attempt of a payer who did not act in time.
    async fn expire(&self, payment: Payment) -> Result<Payment, PayError> {
        if !payment.is_expired(self.engine.now()) {
            return Ok(payment);
        }
        let intent = &payment.intent;
        let command = payment::command(&intent.app, intent.id)?;
        let expire = |change: &mut Change| {
            if change.payment().is_expired(change.now()) {
                change.apply(Event::Expired)?;
            }
            Ok(change.payment().clone())
        };
        self.change(command, expire).await
    }

    /// Finds out about an operation, or calls the backend for it.
    async fn drive(&self, payment: Payment, key: OperationKey) -> Result<Payment, PayError> {
        match self.move_of(&payment, key) {
            Move::Call => self.call(payment, key).await,
            Move::Ask => self.ask(payment, key).await,
            Move::Wait(_) | Move::Person | Move::Rest => Ok(payment),
        }
    }

    async fn ask(&self, payment: Payment, key: OperationKey) -> Result<Payment, PayError> {
        let lookup = self.backend.lookup(&payment.intent.app, &key);
        let answer = tokio::time::timeout(self.options.call_max, lookup).await;
        let pending = payment
            .operation(key.step)
            .is_some_and(|operation| operation.stage == Stage::Pending);
        match answer {
            Ok(Ok(Lookup::Found(outcome))) => {
                self.observed(&payment.intent.app, key, outcome, Source::Lookup)
                    .await
            }
            // What the backend has once accepted is not sent again.
            Ok(Ok(Lookup::NotFound)) if !pending => self.call(payment, key).await,
            _ => Ok(payment),
        }
    }

    /// Claims the call, makes it, and writes down what came of it.
    async fn call(&self, payment: Payment, key: OperationKey) -> Result<Payment, PayError> {
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

    /// Writes an outcome down, unless it is no news about something that is still open.
    pub(crate) async fn observed(
        &self,
        app: &AppId,
        key: OperationKey,
        outcome: Outcome,
        source: Source,
    ) -> Result<Payment, PayError> {
        let command = payment::command(app, key.intent)?;
        let observe = move |change: &mut Change| {
            observe(change, key, &outcome, source)?;
            Ok(change.payment().clone())
        };
        self.change(command, observe).await
    }
}

/// Applies an outcome; what repeats that something is still open is not worth an entry.
pub(super) fn observe(
    change: &mut Change,
    key: OperationKey,
    outcome: &Outcome,
    source: Source,
) -> Result<(), PayError> {
    if change.payment().operation(key.step).is_none() {
        return Err(Error::not_found("operation").into());
    }
    let mut after = change.payment().clone();
    let event = Event::Observed {
        operation: key,
        outcome: outcome.clone(),
        source,
    };
    after.apply(&event, change.payment().intent.changed_at)?;
    if after == *change.payment() && !outcome.is_known() {
        return Ok(());
    }
    change.apply(event)
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

fn broke_off(error: Error) -> Error {
    let message = "it was written down and is being carried out: call again with the same key";
    Error::new(ErrorKind::Unknown, "outcome_unknown", message).with_source(error)
}

fn needs_person() -> Error {
    let message = "nobody but a person can find out what became of it: resolve it";
    Error::new(ErrorKind::Unknown, "needs_person", message)
}
