//! A payment while a decision changes it: events are applied and come to edits of its records.

use std::time::Duration;

use mp_core::{Decision, Edits, Error, Family, Timestamp, feed::News};

use super::{
    Payment, Policy,
    records::{Root, load},
};
use crate::{
    attempt::Attempt,
    error::PayError,
    journal::{Created, Event, JournalEntry},
    news,
    operation::{OperationDue, OperationKey, Stage},
    routing::Routing,
    settlement::{FactLearnt, status_of},
};

/// A payment while a decision changes it.
pub(crate) struct Change {
    before: Option<Payment>,
    payment: Payment,
    entries: u32,
    events: Vec<Event>,
    policy: Policy,
    now: Timestamp,
}

impl Change {
    /// Starts with a new payment.
    pub(crate) fn create(created: Created, policy: &Policy, now: Timestamp) -> Self {
        Self {
            before: None,
            payment: Payment::create(&created, now),
            entries: 0,
            events: vec![Event::Created(created)],
            policy: policy.clone(),
            now,
        }
    }

    /// Starts with the payment as it stands.
    pub(crate) fn load(family: &Family, policy: &Policy, now: Timestamp) -> Result<Self, PayError> {
        let payment = load(family)?.ok_or_else(|| Error::not_found("intent"))?;
        let entries = family.count("j/")?;
        Ok(Self {
            before: Some(payment.clone()),
            payment,
            entries: u32::try_from(entries).unwrap_or(u32::MAX),
            events: Vec::new(),
            policy: policy.clone(),
            now,
        })
    }

    pub(crate) const fn payment(&self) -> &Payment {
        &self.payment
    }

    pub(crate) fn routing(&self) -> &Routing {
        &self.policy.routing
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Applies an event and what is decided because of it, and keeps both for the journal.
    pub(crate) fn apply(&mut self, event: Event) -> Result<(), PayError> {
        let (routing, now) = (&self.policy.routing, self.now);
        let elsewhere =
            |payment: &Payment, attempt: &Attempt| routing.elsewhere(payment, attempt, now);
        let late = self.policy.late;
        let events = self.payment.go_on(event, late, &elsewhere, now)?;
        self.events.extend(events);
        Ok(())
    }

    /// Claims the call that was planned by this change, if it is one for a backend that is there.
    pub(crate) fn claim(&mut self) -> Result<Option<OperationKey>, PayError> {
        let is_planned = |payment: &Payment, step| {
            let operation = payment.operation(step);
            operation.is_some_and(|operation| operation.stage == Stage::Planned)
        };
        let before = self.before.as_ref();
        let planned = self.payment.operations().find(|key| {
            is_planned(&self.payment, key.step)
                && !before.is_some_and(|before| is_planned(before, key.step))
                && self.policy.routing.can(&self.payment, key.step).is_ok()
        });
        if let Some(operation) = planned {
            self.apply(Event::Sent { operation })?;
        }
        Ok(planned)
    }

    /// Takes note of what has run out, before anything is asked of the payment.
    pub(crate) fn catch_up(&mut self) -> Result<(), PayError> {
        match self.payment.overdue(self.now) {
            Some(event) => self.apply(event),
            None => Ok(()),
        }
    }

    /// Returns what the events come to for a feed.
    pub(crate) fn news(&self) -> Result<Vec<News>, Error> {
        news::of(self.before.as_ref(), &self.payment)
    }

    /// Joins the answer with the edits that the events come to.
    pub(crate) fn decision<T>(self, answer: T, call_max: Duration) -> Decision<T> {
        if self.events.is_empty() {
            return Decision::unchanged(answer);
        }
        let mut edits = Edits::new();
        self.put_journal(&mut edits);
        self.put_records(&mut edits);
        self.put_due(&mut edits, call_max);
        self.put_fact(&mut edits);
        edits.put_root(Root::Intent(Box::new(self.payment.intent)));
        edits.answer(answer)
    }

    fn put_journal(&self, edits: &mut Edits) {
        for (number, event) in (self.entries + 1..).zip(&self.events) {
            let entry = JournalEntry {
                number,
                at: self.now,
                event: event.clone(),
            };
            edits.put(&format!("j/{number:06}"), entry);
        }
    }

    fn put_records(&self, edits: &mut Edits) {
        for attempt in &self.payment.attempts {
            let before = self.before.as_ref();
            if before.and_then(|before| before.attempt(attempt.number)) != Some(attempt) {
                edits.put(&format!("a/{}", attempt.number), attempt.clone());
            }
        }
        for (id, dispute) in &self.payment.disputes {
            let before = self.before.as_ref();
            if before.and_then(|before| before.disputes.get(id)) != Some(dispute) {
                edits.put(&format!("d/{id}"), dispute.clone());
            }
        }
        for (id, refund) in &self.payment.refunds {
            let before = self.before.as_ref();
            if before.and_then(|before| before.refunds.get(id)) != Some(refund) {
                edits.put(&format!("f/{id}"), refund.clone());
            }
        }
    }

    /// Keeps every operation whose outcome is open in the outbox, and takes the others out.
    fn put_due(&self, edits: &mut Edits, call_max: Duration) {
        for key in self.payment.operations() {
            let before = self.before.as_ref();
            let until = self.payment.held_until(key.step);
            let same = before.is_some_and(|before| {
                before.operation(key.step) == self.payment.operation(key.step)
                    && before.held_until(key.step) == until
                    && before.acts_until(key.step) == self.payment.acts_until(key.step)
            });
            if same {
                continue;
            }
            let id = key.to_string();
            match self.payment.due_at(key.step, call_max, self.now).or(until) {
                Some(at) => edits.send(&id, at, &OperationDue { operation: key }),
                None => edits.unsend::<OperationDue>(&id),
            }
        }
    }

    /// Tells the capability that had the money secured where the payment stands now.
    fn put_fact(&self, edits: &mut Edits) {
        let Some(fact) = FactLearnt::of(&self.payment) else {
            return;
        };
        let before = self.before.as_ref().map(status_of);
        if before != Some(fact.fact.status) {
            edits.send("status", self.now, &fact);
        }
    }
}
