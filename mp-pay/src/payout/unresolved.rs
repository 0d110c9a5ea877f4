//! What is put before a person, and what is told of payouts from outside.

use mp_core::{
    Caller, Document, Error, Family, Scope, Timestamp,
    amount::Money,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
    store::{Key, Partition},
};

use super::{
    PayoutError, PayoutEvent, PayoutId, PayoutNotice, PayoutOrder, Payouts, ResolvePayout,
    change::{Change, command, repeats},
    order::PayoutDue,
};
use crate::{
    backend::{Outcome, Reference, WebhookTrust},
    error::is_unreadable,
    journal::{Request, Source},
    operation::Stage,
    payment::Move,
    payments::{PAY_MANAGE, told},
};

/// The most payouts that [`Payouts::unresolved`] lists at a time.
pub const UNRESOLVED_PAYOUTS_MAX: u32 = 1_000;

/// The operation that a person's word is known by.
const RESOLVE: &str = "pay.resolve_payout";

impl Payouts {
    /// Lists the app's payouts that wait for a person, by id, after the one given: those of a backend
    /// that can neither replay nor be asked, or only by a name that it has not told, those whose window
    /// has closed, those of which the backend tells another amount or breaks its contract, those that it
    /// tells as paid after a person has found them declined, and those that have not reached the backend
    /// for a week, which are tried again once they are [driven](mp_core::work::DeadLetters) again.
    ///
    /// A worker puts them here; at most [`UNRESOLVED_PAYOUTS_MAX`] at a time. One that does not read
    /// back, or that only a newer release reads, is passed over and told through `tracing`:
    /// [`DeadLetters`](mp_core::work::DeadLetters) list its work.
    ///
    /// # Errors
    ///
    /// `forbidden`, the store's errors.
    pub async fn unresolved(
        &self,
        caller: &Caller,
        after: Option<PayoutId>,
        limit: u32,
    ) -> Result<Vec<PayoutOrder>, PayoutError> {
        caller.require(&PAY_MANAGE)?;
        let limit = limit
            .min(UNRESOLVED_PAYOUTS_MAX)
            .min(self.engine.store().limits().due_max);
        let prefix = format!("{}/payout/", caller.app_id());
        let mut cursor = start(&prefix, after)?;
        let mut listed = Vec::new();
        while listed.len() < limit as usize {
            let (partition, key) = &cursor;
            let dead = self
                .engine
                .store()
                .dead(Some((partition, key)), limit)
                .await;
            let dead = dead.map_err(Error::from)?;
            let Some(last) = dead.last() else { break };
            cursor = (last.partition.clone(), last.key.clone());
            for delivery in &dead {
                if !delivery.partition.id().starts_with(&prefix) {
                    return Ok(listed);
                }
                let id = delivery.partition.local_id().parse::<PayoutId>();
                if let (Ok(id), true) = (id, listed.len() < limit as usize) {
                    listed.extend(self.readable(caller.app_id(), id).await?);
                }
            }
        }
        Ok(listed)
    }

    async fn readable(
        &self,
        app: &AppId,
        id: PayoutId,
    ) -> Result<Option<PayoutOrder>, PayoutError> {
        match self.read(app, id).await {
            Err(PayoutError::Core(error)) if is_unreadable(&error) => {
                tracing::error!(payout = %id, %error, "not listed, because it does not read here");
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// Tells what became of a payout that waited for a person: over everything that the backend has
    /// said. However late it is called again with its key, it is the same word, and changes nothing; to say the
    /// same of what the backend has told since takes another key.
    ///
    /// # Errors
    ///
    /// `forbidden` for anybody but staff, `not_found`, `invalid_field` for a finding that is not for
    /// good or whose amount is not more than zero or of another currency,
    /// [`PayoutError::NotUnresolved`], `idempotency_conflict`, `outcome_unknown` if it was written down
    /// and cannot be read, the store's errors.
    pub async fn resolve(
        &self,
        caller: &Caller,
        request: ResolvePayout,
        key: &IdempotencyKey,
    ) -> Result<PayoutOrder, PayoutError> {
        caller.require(&Scope::STAFF)?;
        let (app, id) = (caller.app_id(), request.payout);
        let once = Idempotency::new(caller, RESOLVE, key, &request)?;
        let asked = Request::of(caller, RESOLVE, key, &once);
        let outcome = request.outcome()?;
        let command = command(app, id)?.once_by_decision(once);
        let (can, call_max) = (self.backend.payout_capabilities(), self.options.call_max);
        let resolve = move |family: &Family, now: Timestamp| {
            let mut change = Change::load(family, now)?;
            // What it has changed stands, whatever the backend has told since.
            if !repeats(family, &asked)? {
                is_of(&outcome, change.order().amount)?;
                if change.order().next_move(can, call_max, now) != Move::Person {
                    return Err(PayoutError::NotUnresolved(id));
                }
                change.asked_by(asked.clone());
                change.apply(found(outcome.clone()))?;
            }
            Ok(change.decision((), call_max))
        };
        self.engine.run(command, resolve).await?;
        self.written(app, id).await
    }

    /// Takes in what the backend tells by itself, such as a webhook whose signature the host has
    /// checked. It may come twice, late and in any order.
    ///
    /// A backend whose webhooks are but hints is asked instead, and of what the hint says no more is
    /// used than the backend's own name for the payout, to ask by, where it has told none before; one
    /// that cannot be asked tells it some day by itself.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, the store's errors; `backend_unanswered` and `backend_cannot_tell` for a
    /// hint about what nobody would ask about again, which is to be told again later.
    pub async fn observe(
        &self,
        caller: &Caller,
        notice: PayoutNotice,
    ) -> Result<PayoutOrder, PayoutError> {
        caller.require(&PAY_MANAGE)?;
        let PayoutNotice { payout, outcome } = notice;
        let app = caller.app_id();
        if self.backend.payout_capabilities().webhooks == WebhookTrust::HintOnly {
            return self.look_into(app, payout, outcome.reference()).await;
        }
        self.observed(app, payout, outcome, Source::Notice).await
    }

    /// Asks about a payout because of a hint, by the name in it where no other is known that it would
    /// be found by. What was not sent is not known there, nor is what is being sent; but only who finds
    /// by our id would have it sent again.
    async fn look_into(
        &self,
        app: &AppId,
        id: PayoutId,
        hinted: Option<&Reference>,
    ) -> Result<PayoutOrder, PayoutError> {
        let order = self.read(app, id).await?;
        let on_its_way = matches!(self.move_of(&order), Move::Wait(_));
        let queries = self.backend.payout_capabilities().queries;
        let mut request = order.lookup_request();
        if !queries.find(request.reference.as_ref()) {
            request.reference = hinted.filter(|name| name.is_plain()).cloned();
        }
        let asks = queries.find(request.reference.as_ref());
        let is_early = on_its_way && queries.find(None);
        if !asks || is_early || order.operation.stage == Stage::Planned {
            return Ok(order);
        }
        let by_itself = queries.find(order.operation.reference.as_ref());
        let waits = matches!(self.move_of(&order), Move::Ask | Move::Wait(_));
        let answer = self.look_up(&request).await;
        if !(by_itself && waits) {
            told(answer.as_ref())?;
        }
        self.learn(order, &request, answer).await
    }
}

/// Returns what happens by a person's word.
const fn found(outcome: Outcome) -> PayoutEvent {
    let source = Source::Person;
    PayoutEvent::Observed { outcome, source }
}

/// Refuses an amount of nothing or less, or in another currency than that of what was asked for.
fn is_of(outcome: &Outcome, asked: Money) -> Result<(), Error> {
    match outcome.amount() {
        Some(told) if told.currency() != asked.currency() => {
            let problem = format!("is not in {}", asked.currency());
            Err(Error::invalid("amount", problem))
        }
        Some(told) if !told.is_positive() => Err(Error::invalid("amount", "is not more than zero")),
        _ => Ok(()),
    }
}

/// Returns the place in the list of dead work after which the app's payouts come.
fn start(prefix: &str, after: Option<PayoutId>) -> Result<(Partition, Key), Error> {
    match after {
        Some(id) => Ok((
            Partition::parse(&format!("{prefix}{id}"))?,
            Key::new(&format!("~o/{}/{id}", PayoutDue::KIND))?,
        )),
        // No payout's id sorts before this.
        None => Ok((Partition::parse(&format!("{prefix}+"))?, Key::root())),
    }
}
