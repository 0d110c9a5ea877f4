//! How a payout stands in its partition `{app}/payout/{id}`: the order as root, `j/{number}` the
//! journal, `~o/pay.payout/…` while it is not known; and how a decision changes it.

use std::time::Duration;

use mp_core::{Command, Decision, Edits, Error, Family, Timestamp, id::AppId, store::Partition};

use super::{
    CreatedPayout, PayoutEntry, PayoutError, PayoutEvent, PayoutId, PayoutOrder, order::PayoutDue,
};
use crate::journal::Request;

/// Addresses a payout.
pub(super) fn command(app: &AppId, id: PayoutId) -> Result<Command, Error> {
    let partition = Partition::new(app, "payout", &id.to_string())?;
    Ok(Command::on(partition).prefix("j/"))
}

/// Returns whether the payout was asked for something by this very call before.
///
/// # Errors
///
/// `idempotency_conflict` if it was asked for something else under the key.
pub(super) fn repeats(family: &Family, request: &Request) -> Result<bool, Error> {
    for (_, entry) in family.scan::<PayoutEntry>("j/")? {
        if let Some(known) = &entry.request
            && request.repeats(known)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A payout while a decision changes it.
pub(super) struct Change {
    before: Option<PayoutOrder>,
    order: PayoutOrder,
    entries: u32,
    events: Vec<PayoutEvent>,
    request: Option<Request>,
    now: Timestamp,
}

impl Change {
    /// Starts with a new payout.
    pub(super) fn create(created: CreatedPayout, now: Timestamp) -> Self {
        Self {
            before: None,
            order: PayoutOrder::create(&created, now),
            entries: 0,
            events: vec![PayoutEvent::Created(created)],
            request: None,
            now,
        }
    }

    /// Starts with the payout as it stands.
    pub(super) fn load(family: &Family, now: Timestamp) -> Result<Self, Error> {
        let order = family.root::<PayoutOrder>()?;
        let order = order.ok_or_else(|| Error::not_found("payout"))?;
        let entries = family.count("j/")?;
        Ok(Self {
            before: Some(PayoutOrder::clone(&order)),
            order: PayoutOrder::clone(&order),
            entries: u32::try_from(entries).unwrap_or(u32::MAX),
            events: Vec::new(),
            request: None,
            now,
        })
    }

    pub(super) const fn order(&self) -> &PayoutOrder {
        &self.order
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Keeps the call that has asked for the events with the first of them.
    pub(super) fn asked_by(&mut self, request: Request) {
        self.request = Some(request);
    }

    /// Applies an event and keeps it for the journal.
    pub(super) fn apply(&mut self, event: PayoutEvent) -> Result<(), PayoutError> {
        self.order.apply(&event, self.now)?;
        self.events.push(event);
        Ok(())
    }

    /// Applies what was learnt; what repeats what is known is not worth an entry, and no change.
    pub(super) fn observe(&mut self, event: PayoutEvent) -> Result<(), PayoutError> {
        let mut after = self.order.clone();
        after.apply(&event, self.order.changed_at)?;
        if after == self.order {
            return Ok(());
        }
        self.apply(event)
    }

    /// Joins the answer with the edits that the events come to.
    pub(super) fn decision<T>(mut self, answer: T, call_max: Duration) -> Decision<T> {
        if self.events.is_empty() {
            return Decision::unchanged(answer);
        }
        let mut edits = Edits::new();
        for (number, event) in (self.entries + 1..).zip(self.events) {
            let at = self.now;
            let request = self.request.take();
            let entry = PayoutEntry {
                number,
                at,
                request,
                event,
            };
            edits.put(&format!("j/{number:06}"), entry);
        }
        let order = self.order;
        let same = |before: &PayoutOrder| {
            (&before.operation, before.status) == (&order.operation, order.status)
                || order.operation.is_in_last_call(&before.operation, self.now)
        };
        if !self.before.as_ref().is_some_and(same) {
            let id = order.id.to_string();
            match order.due_at(call_max, self.now) {
                Some(at) => edits.send(&id, at, &PayoutDue { payout: order.id }),
                None => edits.unsend::<PayoutDue>(&id),
            }
        }
        edits.put_root(order);
        edits.answer(answer)
    }
}
