//! One path for the call that is made at once and for the one that a worker makes later.

use std::{collections::BTreeSet, sync::Arc};

use mp_core::{
    Error, ErrorKind,
    id::AppId,
    work::{self, Done, Handler, HandlerError},
};

use super::{Begun, Payments, call::lookup_request};
use crate::{
    backend::{Capabilities, DeclineCode, Lookup, LookupRequest, Outcome},
    error::PayError,
    intent::IntentId,
    journal::{Event, Source},
    operation::{Breach, Operation, OperationDue, OperationKey},
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
            Move::Rest => Ok(match payment.held_until(key.step) {
                // This process's clock is behind the one by which the work was leased.
                Some(until) => Done::Again(until),
                None => Done::Finished,
            }),
            Move::Wait(at) => Ok(Done::Again(at)),
            Move::Person if self.may_still_come(&payment, key) => {
                self.last_call(payment, key).await?
            }
            Move::Person => Err(self.needs_person(&payment, key)),
            Move::Call | Move::Ask => {
                let before = payment.operation(key.step).cloned();
                let after = self.drive(payment, key).await?;
                match after.operation(key.step) {
                    // Nothing was learnt and nothing written, so the outbox record stands as it is.
                    Some(same) if before.as_ref() == Some(same) => {
                        Ok(Done::Again(same.ask_again_at(self.engine.now())))
                    }
                    _ => self.left(&after, key),
                }
            }
        })
    }

    pub(super) fn move_of(&self, payment: &Payment, key: OperationKey) -> Move {
        let can = self.routing.can(payment, key.step).ok();
        next_move(
            payment,
            key.step,
            can,
            self.options.call_max,
            self.engine.now(),
        )
    }

    /// Returns whether a call surely did not reach the backend, and is of use still.
    fn may_still_come(&self, payment: &Payment, key: OperationKey) -> bool {
        let unsent = payment
            .operation(key.step)
            .is_some_and(Operation::was_not_sent);
        let is_there = self.routing.can(payment, key.step).is_ok();
        unsent && is_there && payment.wants(key.step, self.engine.now())
    }

    /// Calls once more for what has not reached its backend for long, which may be back by now, and only
    /// then puts it before a person. Who claims the call keeps that person from resolving it meanwhile.
    async fn last_call(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<Result<Done, HandlerError>, PayError> {
        let after = self.call(payment, key).await?;
        Ok(self.left(&after, key))
    }

    /// Returns what becomes of a delivery whose operation has moved. A commit that moves one puts its outbox
    /// record right, and what the delivery says of it counts no more; but in a last call, whoever makes it,
    /// the record stands as it is, and goes only with what is known.
    fn left(&self, after: &Payment, key: OperationKey) -> Result<Done, HandlerError> {
        let (operation, now) = (after.operation(key.step), self.engine.now());
        let unsent = operation.is_some_and(Operation::was_not_sent);
        let again_at = || operation.map_or(now, |operation| operation.ask_again_at(now));
        match self.move_of(after, key) {
            Move::Rest => Ok(Done::Finished),
            Move::Wait(at) => Ok(Done::Again(at)),
            Move::Person if unsent => Err(self.needs_person(after, key)),
            Move::Person => Ok(Done::Again(now)),
            Move::Call | Move::Ask => Ok(Done::Again(again_at())),
        }
    }

    /// Hands an operation to a person; one whose backend is not configured here only after it has
    /// waited for a process that has it, as there is while a change is rolled out.
    fn needs_person(&self, payment: &Payment, key: OperationKey) -> HandlerError {
        match self.routing.can(payment, key.step) {
            Ok(_) => {
                let operation = payment.operation(key.step);
                HandlerError::GiveUp(needs_person(operation))
            }
            Err(missing) => HandlerError::Retry(missing.into()),
        }
    }

    /// Does at once all that can be done about an intent, each operation once.
    ///
    /// # Errors
    ///
    /// The store's errors, as unknown: what was asked for is written down, so the same call with
    /// the same key goes on from here.
    pub(crate) async fn carry_on(&self, app: &AppId, id: IntentId) -> Result<Payment, PayError> {
        self.go_on(app, id, Begun::default()).await
    }

    /// Does what was begun, and at once all else that can be done.
    ///
    /// # Errors
    ///
    /// As [`carry_on`](Self::carry_on).
    pub(crate) async fn go_on(
        &self,
        app: &AppId,
        id: IntentId,
        begun: Begun,
    ) -> Result<Payment, PayError> {
        let done = match begun.into_parts() {
            Some((payment, claimed)) => self.do_all(payment, claimed).await,
            None => self.do_all_of(app, id).await,
        };
        done.map_err(unclear)
    }

    async fn do_all_of(&self, app: &AppId, id: IntentId) -> Result<Payment, PayError> {
        let payment = self.expire(self.read(app, id).await?).await?;
        self.do_all(payment, None).await
    }

    async fn do_all(
        &self,
        mut payment: Payment,
        claimed: Option<OperationKey>,
    ) -> Result<Payment, PayError> {
        let mut driven = BTreeSet::from_iter(claimed);
        if let Some(key) = claimed {
            payment = self.call_claimed(payment, key).await?;
        }
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

    /// Ends the attempt of a payer who did not act in time, and a hold that was not captured.
    async fn expire(&self, payment: Payment) -> Result<Payment, PayError> {
        if payment.overdue(self.engine.now()).is_none() {
            return Ok(payment);
        }
        let intent = &payment.intent;
        let command = payment::command(&intent.app, intent.id)?;
        let expire = |change: &mut Change| {
            change.catch_up()?;
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

    /// Asks the backend what became of an operation, and calls it if it surely never came, or if nobody
    /// can tell and the key is remembered there.
    pub(super) async fn ask(
        &self,
        payment: Payment,
        key: OperationKey,
    ) -> Result<Payment, PayError> {
        let request = lookup_request(&payment, key);
        let answer = self.look_up(&payment, &request).await?;
        match answer {
            Some(Lookup::CannotTell) if self.may_replay(&payment, key)? => {
                self.replay(payment, key).await
            }
            answer => self.learn(payment, &request, answer).await,
        }
    }

    /// Returns whether a call of which the backend has told nothing may be made again under its key.
    fn may_replay(&self, payment: &Payment, key: OperationKey) -> Result<bool, PayError> {
        let can = self.routing.can(payment, key.step)?;
        let (call_max, now) = (self.options.call_max, self.engine.now());
        let replayable = |it: &Operation| {
            it.was_never_told_of()
                && it.rests_until(now).is_none()
                && it.may_be_replayed(can, call_max, now)
        };
        let operation = payment.operation(key.step);
        Ok(operation.is_some_and(replayable))
    }

    /// Asks the backend about an operation, by the names in the request; `None` if it has not
    /// answered.
    pub(super) async fn look_up(
        &self,
        payment: &Payment,
        request: &LookupRequest,
    ) -> Result<Option<Lookup>, PayError> {
        let attempt = payment.attempt_of(request.key.step);
        let name = attempt.and_then(|attempt| attempt.backend.as_ref());
        let lookup = self.routing.backend(name)?.lookup(request);
        let answer = tokio::time::timeout(self.options.call_max, lookup).await;
        Ok(answer.ok().and_then(Result::ok))
    }

    /// Learns from what a backend has answered about an operation.
    pub(super) async fn learn(
        &self,
        payment: Payment,
        request: &LookupRequest,
        answer: Option<Lookup>,
    ) -> Result<Payment, PayError> {
        let key = request.key;
        let operation = payment.operation(key.step);
        let now = self.engine.now();
        let untold =
            operation.is_some_and(|it| it.was_never_told_of() && it.rests_until(now).is_none());
        // Who finds by names of their own alone cannot know that nothing came under our key.
        let never_came = untold && self.routing.can(&payment, key.step)?.queries.find(None);
        match answer {
            Some(Lookup::Found(outcome)) if request.fits(&outcome) => {
                self.observed(&payment.intent.app, key, outcome, Source::Lookup)
                    .await
            }
            // What the backend has once accepted, named, or told an outcome of, is not sent again.
            Some(Lookup::NotFound) if never_came => self.call_wanted(payment, key).await,
            _ => Ok(payment),
        }
    }

    /// Calls for what had not come when it was asked about; a charge that nobody waits for any more is
    /// closed instead. Who has claimed it since then knows better.
    async fn call_wanted(&self, payment: Payment, key: OperationKey) -> Result<Payment, PayError> {
        let seen = payment.operation(key.step).cloned();
        let command = payment::command(&payment.intent.app, payment.intent.id)?;
        let claim = move |change: &mut Change| {
            let mine = change.payment().operation(key.step) == seen.as_ref();
            let wanted = change.payment().wants(key.step, change.now());
            match (mine, wanted) {
                (true, true) => change.apply(Event::Sent { operation: key })?,
                (true, false) => observe(change, never_came(key))?,
                (false, _) => {}
            }
            Ok((mine && wanted, change.payment().clone()))
        };
        match self.change(command, claim).await? {
            (true, payment) => self.call_claimed(payment, key).await,
            (false, payment) => Ok(payment),
        }
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
            if change.payment().operation(key.step).is_none() {
                return Err(Error::not_found("operation").into());
            }
            let can = change.routing().can(change.payment(), key.step)?;
            let outcome = outcome
                .clone()
                .recordable(change.payment().amount_of(key.step));
            observe(change, police(can, key, outcome, source))?;
            Ok(change.payment().clone())
        };
        self.change(command, observe).await
    }
}

/// What is learnt of a charge that the backend has never heard of, once nobody sends it any more.
fn never_came(operation: OperationKey) -> Event {
    Event::Observed {
        operation,
        outcome: Outcome::declined(DeclineCode::of("expired")),
        source: Source::Lookup,
    }
}

/// Returns what an outcome is learnt as: one that asks the payer for what the backend has not
/// declared, or for what is not safe, is a breach of its contract, and is shown to no payer.
fn police(can: Capabilities, key: OperationKey, outcome: Outcome, source: Source) -> Event {
    let operation = key;
    if let Outcome::NeedsAction { action, reference } = &outcome
        && let Some(breach) = Breach::of(&can, action)
    {
        let kind = action.kind();
        tracing::error!(%operation, ?kind, "{breach}");
        return Event::ActionRefused {
            operation,
            action: action.clone().curtailed(),
            source,
            reference: reference.clone(),
        };
    }
    Event::Observed {
        operation,
        outcome,
        source,
    }
}

/// Applies what was learnt. What repeats that something is still open is not worth an entry, nor is an
/// answer that tells nothing new: anybody's hint may be the reason to ask.
pub(super) fn observe(change: &mut Change, event: Event) -> Result<(), PayError> {
    let told = matches!(
        &event,
        Event::Observed { outcome, source, .. } if outcome.is_known() && *source != Source::Lookup
    );
    if told || change.is_news(&event)? {
        change.apply(event)?;
    }
    Ok(())
}

/// Returns the error of what went on from a commit that is there: it does not say that nothing was
/// written.
pub(super) fn unclear(error: PayError) -> PayError {
    match Error::from(error) {
        error if error.kind() == ErrorKind::Unavailable => broke_off(error).into(),
        error => error.into(),
    }
}

/// The error of a call that was written down and broke off.
pub(crate) fn broke_off(error: Error) -> Error {
    let message = "it was written down and is being carried out: call again with the same key";
    Error::new(ErrorKind::Unknown, "outcome_unknown", message).with_source(error)
}

/// The error of work that a person has to do.
pub(crate) fn needs_person(operation: Option<&Operation>) -> Error {
    let breach = operation.and_then(|operation| operation.breach);
    let message = match breach {
        Some(breach) => format!("{breach}: resolve it, and mend the backend"),
        None if operation.is_some_and(Operation::was_not_sent) => {
            "it has not reached its backend for a week: drive it again once that is back, or resolve it"
                .to_owned()
        }
        None => "nobody but a person can find out what became of it: resolve it".to_owned(),
    };
    Error::new(ErrorKind::Unknown, "needs_person", message)
}
