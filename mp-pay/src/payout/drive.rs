//! One path for the call that is made at once and for the one that a worker makes later.

use std::sync::Arc;

use mp_core::{
    Error, Timestamp,
    id::AppId,
    work::{self, Done, Handler, HandlerError},
};

use super::{
    PayoutError, PayoutEvent, PayoutId, PayoutInstruction, PayoutLookupRequest, PayoutOrder,
    Payouts,
    change::{Change, command},
    order::PayoutDue,
    payouts::unclear,
};
use crate::{
    backend::{BackendError, BackendErrorKind, DeclineCode, Lookup, Outcome},
    journal::Source,
    operation::{Breach, Operation, Stage},
    payment::Move,
    payments::needs_person,
};

impl Payouts {
    /// Returns the handlers that finish what a process could not: for a
    /// [`Worker`](mp_core::work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let payouts = self.clone();
        vec![work::on(move |delivery: mp_core::store::Delivery, due| {
            let payouts = payouts.clone();
            async move { payouts.work(delivery.partition.app(), &due).await }
        })]
    }

    async fn work(&self, app: &str, due: &PayoutDue) -> Result<Done, HandlerError> {
        let app = AppId::new(app).map_err(|error| {
            HandlerError::GiveUp(Error::invalid("app", "names nothing").with_source(error))
        })?;
        let worked = self.work_on(&app, due.payout).await;
        worked.unwrap_or_else(|error| Err(HandlerError::from(Error::from(error))))
    }

    async fn work_on(
        &self,
        app: &AppId,
        id: PayoutId,
    ) -> Result<Result<Done, HandlerError>, PayoutError> {
        let before = self.read(app, id).await?;
        Ok(match self.move_of(&before) {
            Move::Rest => Ok(Done::Finished),
            Move::Wait(at) => Ok(Done::Again(at)),
            Move::Person if before.may_still_come() => self.last_call(before).await?,
            Move::Person => Err(given_up(&before)),
            Move::Call | Move::Ask => {
                let known = before.operation.clone();
                let after = self.drive(before).await?;
                match after.operation == known {
                    // Nothing was learnt and nothing written: the outbox record stands as it is.
                    true => Ok(Done::Again(known.ask_again_at(self.engine.now()))),
                    false => self.left(&after),
                }
            }
        })
    }

    /// Calls once more for what has not reached the backend for long, which may be back by now, and only
    /// then puts it before a person. Who claims the call keeps that person from resolving it meanwhile.
    async fn last_call(
        &self,
        order: PayoutOrder,
    ) -> Result<Result<Done, HandlerError>, PayoutError> {
        let after = self.call(order).await?;
        Ok(self.left(&after))
    }

    /// Returns what becomes of a delivery whose payout has moved. A commit that moves one puts its outbox
    /// record right, and what the delivery says of it counts no more; but in a last call, whoever makes it,
    /// the record stands as it is, and goes only with what is known.
    fn left(&self, after: &PayoutOrder) -> Result<Done, HandlerError> {
        let now = self.engine.now();
        match self.move_of(after) {
            Move::Rest => Ok(Done::Finished),
            Move::Wait(at) => Ok(Done::Again(at)),
            Move::Person if after.operation.was_not_sent() => Err(given_up(after)),
            Move::Person => Ok(Done::Again(now)),
            Move::Call | Move::Ask => Ok(Done::Again(after.operation.ask_again_at(now))),
        }
    }

    pub(super) fn move_of(&self, order: &PayoutOrder) -> Move {
        let can = self.backend.payout_capabilities();
        order.next_move(can, self.options.call_max, self.engine.now())
    }

    /// Does at once what can be done about a payout.
    ///
    /// # Errors
    ///
    /// The store's errors, as unknown: what was asked for is written down, so the same call with
    /// the same key goes on from here.
    pub(super) async fn carry_on(
        &self,
        app: &AppId,
        id: PayoutId,
    ) -> Result<PayoutOrder, PayoutError> {
        let order = self.read(app, id).await;
        let carried = match order {
            Ok(order) => self.drive(order).await,
            refused => refused,
        };
        carried.map_err(unclear)
    }

    async fn drive(&self, order: PayoutOrder) -> Result<PayoutOrder, PayoutError> {
        match self.move_of(&order) {
            Move::Call => self.call(order).await,
            Move::Ask => self.ask(order).await,
            Move::Wait(_) | Move::Person | Move::Rest => Ok(order),
        }
    }

    /// Asks the backend what became of a payout, and calls it if that surely never came, or if nobody can
    /// tell and the id is remembered there.
    async fn ask(&self, order: PayoutOrder) -> Result<PayoutOrder, PayoutError> {
        let request = order.lookup_request();
        match self.look_up(&request).await {
            Some(Lookup::CannotTell) if self.may_replay(&order) => self.call(order).await,
            answer => self.learn(order, &request, answer).await,
        }
    }

    /// Returns whether a call of which the backend has told nothing may be made again under its id.
    fn may_replay(&self, order: &PayoutOrder) -> bool {
        let can = self.backend.payout_capabilities().recovery();
        let (operation, now) = (&order.operation, self.engine.now());
        operation.was_never_told_of()
            && operation.rests_until(now).is_none()
            && operation.may_be_replayed(can, self.options.call_max, now)
    }

    /// Asks the backend about a payout, by the names in the request; `None` if it has not answered.
    pub(super) async fn look_up(&self, request: &PayoutLookupRequest) -> Option<Lookup> {
        let lookup = self.backend.lookup_payout(request);
        let answer = tokio::time::timeout(self.options.call_max, lookup).await;
        answer.ok().and_then(Result::ok)
    }

    /// Learns from what the backend has answered about a payout.
    pub(super) async fn learn(
        &self,
        order: PayoutOrder,
        request: &PayoutLookupRequest,
        answer: Option<Lookup>,
    ) -> Result<PayoutOrder, PayoutError> {
        let rests = order.operation.rests_until(self.engine.now()).is_some();
        // Who finds by names of their own alone cannot know that nothing came under our id.
        let by_id = self.backend.payout_capabilities().queries.find(None);
        let never_came = by_id && order.operation.was_never_told_of();
        match answer {
            Some(Lookup::Found(outcome)) if request.fits(&outcome) => {
                let learnt = self.observed(&order.app, order.id, outcome, Source::Lookup);
                learnt.await
            }
            // What the backend has once accepted, named, or told an outcome of, is not sent again.
            Some(Lookup::NotFound) if never_came && !rests => {
                self.call_if(order, |_, _| true).await
            }
            _ => Ok(order),
        }
    }

    /// Claims the call if it is still to be made then, makes it, and writes down what came of it.
    /// Whoever looked may have stood still since, and a key that was remembered then may be forgotten when
    /// the call comes.
    async fn call(&self, order: PayoutOrder) -> Result<PayoutOrder, PayoutError> {
        let can = self.backend.payout_capabilities().recovery();
        let call_max = self.options.call_max;
        let is_due = move |operation: &Operation, now| {
            operation.stage == Stage::Planned || operation.may_be_replayed(can, call_max, now)
        };
        self.call_if(order, is_due).await
    }

    async fn call_if(
        &self,
        order: PayoutOrder,
        is_due: impl Fn(&Operation, Timestamp) -> bool + Send + 'static,
    ) -> Result<PayoutOrder, PayoutError> {
        let (claimed, order) = self.claim(order, is_due).await?;
        if !claimed {
            return Ok(order);
        }
        let (call_max, now) = (self.options.call_max, self.engine.now());
        let time = order.operation.time_left(call_max, now);
        if time.is_zero() {
            return self.not_sent(&order).await;
        }
        let call = self.backend_call(&order);
        let outcome = match tokio::time::timeout(time, call).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => match error.kind() {
                BackendErrorKind::Unavailable => return self.not_sent(&order).await,
                BackendErrorKind::Unsupported => Outcome::declined(DeclineCode::of("unsupported")),
                BackendErrorKind::Unknown => {
                    tracing::warn!(%error, payout = %order.id, "the outcome of a call is not known");
                    Outcome::Unknown
                }
            },
            Err(_) => Outcome::Unknown,
        };
        self.observed(&order.app, order.id, outcome, Source::Call)
            .await
    }

    /// Commits that the call is about to be made; of several who try, one may.
    async fn claim(
        &self,
        order: PayoutOrder,
        is_due: impl Fn(&Operation, Timestamp) -> bool + Send + 'static,
    ) -> Result<(bool, PayoutOrder), PayoutError> {
        let command = command(&order.app, order.id)?;
        let claim = move |change: &mut Change| {
            let known = change.order();
            let mine = known.operation == order.operation && !known.is_called_off();
            let claims = mine && is_due(&known.operation, change.now());
            if claims {
                change.apply(PayoutEvent::Sent)?;
            }
            Ok((claims, change.order().clone()))
        };
        self.change(command, claim).await
    }

    async fn backend_call(&self, order: &PayoutOrder) -> Result<Outcome, BackendError> {
        let Some(destination) = order.destination.clone() else {
            return Ok(Outcome::declined(DeclineCode::of("no_destination")));
        };
        let instruction = PayoutInstruction {
            id: order.id,
            app: order.app.clone(),
            destination,
            amount: order.amount,
            reason: order.reason.clone(),
        };
        self.backend.pay_out(&instruction).await
    }

    async fn not_sent(&self, order: &PayoutOrder) -> Result<PayoutOrder, PayoutError> {
        let command = command(&order.app, order.id)?;
        let mine = order.operation.clone();
        let take_back = move |change: &mut Change| {
            // Who has claimed it since, or has heard of it, knows better.
            if change.order().operation == mine {
                change.apply(PayoutEvent::NotSent)?;
            }
            Ok(change.order().clone())
        };
        self.change(command, take_back).await
    }

    /// Writes an outcome down, unless it is no news about something that is still open.
    pub(super) async fn observed(
        &self,
        app: &AppId,
        id: PayoutId,
        outcome: Outcome,
        source: Source,
    ) -> Result<PayoutOrder, PayoutError> {
        let observe = move |change: &mut Change| {
            let outcome = outcome.clone().recordable(Some(change.order().amount));
            change.observe(learnt_as(id, outcome, source))?;
            Ok(change.order().clone())
        };
        self.change(command(app, id)?, observe).await
    }
}

fn given_up(order: &PayoutOrder) -> HandlerError {
    HandlerError::GiveUp(needs_person(Some(&order.operation)))
}

/// Returns what an outcome is learnt as: nobody acts for a payout, and what is merely authorized has
/// not been paid.
fn learnt_as(id: PayoutId, outcome: Outcome, source: Source) -> PayoutEvent {
    match outcome {
        Outcome::NeedsAction { action, reference } => {
            let kind = action.kind();
            tracing::error!(payout = %id, ?kind, "{}", Breach::UndeclaredAction);
            let action = action.curtailed();
            PayoutEvent::ActionRefused {
                action,
                source,
                reference,
            }
        }
        Outcome::Authorized { reference, .. } => {
            let outcome = Outcome::accepted().with_reference(reference);
            PayoutEvent::Observed { outcome, source }
        }
        outcome => PayoutEvent::Observed { outcome, source },
    }
}
