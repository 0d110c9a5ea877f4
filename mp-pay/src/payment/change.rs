//! A payment while a decision changes it: events are applied and come to edits of its records.

use std::time::Duration;

use mp_core::{Decision, Edits, Error, Family, Timestamp, feed::News};

use super::{Kept, Payment, Policy, Root};
use crate::{
    attempt::Attempt,
    dispute::Dispute,
    error::PayError,
    journal::{Created, Event, JournalEntry, Stretch},
    news,
    operation::{OperationDue, OperationKey, Stage},
    refund::Refund,
    routing::Routing,
    settlement::{FactLearnt, status_of},
};

/// A payment while a decision changes it.
pub(crate) struct Change {
    before: Option<Before>,
    payment: Payment,
    events: Vec<Event>,
    policy: Policy,
    now: Timestamp,
}

/// A payment as it stands.
struct Before {
    payment: Payment,
    /// The tail of its journal.
    tail: Stretch,
    /// How many entries its journal has.
    entries: u32,
    /// Whether it has attempts that stand in records of their own.
    has_attempts_beside: bool,
}

impl Change {
    /// Starts with a new payment.
    pub(crate) fn create(created: Created, policy: &Policy, now: Timestamp) -> Self {
        Self {
            before: None,
            payment: Payment::create(&created, now),
            events: vec![Event::Created(created)],
            policy: policy.clone(),
            now,
        }
    }

    /// Starts with the payment as it stands.
    pub(crate) fn load(family: &Family, policy: &Policy, now: Timestamp) -> Result<Self, PayError> {
        let before = Before::load(family)?.ok_or_else(|| Error::not_found("intent"))?;
        Ok(Self {
            payment: before.payment.clone(),
            before: Some(before),
            events: Vec::new(),
            policy: policy.clone(),
            now,
        })
    }

    pub(crate) const fn payment(&self) -> &Payment {
        &self.payment
    }

    /// Returns the payment as it stood; `None` if it is new.
    fn before(&self) -> Option<&Payment> {
        self.before.as_ref().map(|before| &before.payment)
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

    /// Returns whether an event by itself changes anything.
    pub(crate) fn is_news(&self, event: &Event) -> Result<bool, PayError> {
        let mut after = self.payment.clone();
        after.apply(event, self.payment.intent.changed_at)?;
        Ok(after != self.payment)
    }

    /// Claims the call that was planned by this change, if it is one for a backend that is there.
    pub(crate) fn claim(&mut self) -> Result<Option<OperationKey>, PayError> {
        let is_planned = |payment: &Payment, step| {
            let operation = payment.operation(step);
            operation.is_some_and(|operation| operation.stage == Stage::Planned)
        };
        let before = self.before();
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
        news::of(self.before(), &self.payment)
    }

    /// Joins the answer with the edits that the events come to.
    pub(crate) fn decision<T>(self, answer: T, call_max: Duration) -> Result<Decision<T>, Error> {
        if self.events.is_empty() {
            return Ok(Decision::unchanged(answer));
        }
        let mut edits = Edits::new();
        self.put_records(&mut edits);
        self.put_due(&mut edits, call_max);
        self.put_fact(&mut edits);
        self.put_root(&mut edits)?;
        Ok(edits.answer(answer))
    }

    fn put_root(mut self, edits: &mut Edits) -> Result<(), Error> {
        let before = self.before.take();
        let (mut tail, mut entries) = (Stretch::default(), 0);
        if let Some(before) = before {
            before.take_in_attempts(edits);
            (tail, entries) = (before.tail, before.entries);
        }
        let numbered = (entries + 1..).zip(self.events);
        let at = self.now;
        let new = numbered.map(|(number, event)| JournalEntry { number, at, event });
        let (pages, tail) = tail.followed_by(Stretch::of(new)?);
        for page in pages {
            edits.put(&page.key()?, page);
        }
        edits.put_root(Root::Intent(Kept {
            intent: self.payment.intent,
            attempts: self.payment.attempts,
            journal: tail,
        }));
        Ok(())
    }

    fn put_records(&self, edits: &mut Edits) {
        for (id, dispute) in &self.payment.disputes {
            let before = self.before();
            if before.and_then(|before| before.disputes.get(id)) != Some(dispute) {
                edits.put(&format!("d/{id}"), Dispute::clone(dispute));
            }
        }
        for (id, refund) in &self.payment.refunds {
            let before = self.before();
            if before.and_then(|before| before.refunds.get(id)) != Some(refund) {
                edits.put(&format!("f/{id}"), Refund::clone(refund));
            }
        }
    }

    /// Keeps every operation whose outcome is open in the outbox, and takes the others out.
    fn put_due(&self, edits: &mut Edits, call_max: Duration) {
        for key in self.payment.operations() {
            let before = self.before();
            let until = self.payment.held_until(key.step);
            let same = before.is_some_and(|before| {
                before.operation(key.step) == self.payment.operation(key.step)
                    && before.held_until(key.step) == until
                    && before.acts_until(key.step) == self.payment.acts_until(key.step)
                    && before.is_owed(key.step) == self.payment.is_owed(key.step)
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
        let before = self.before().map(status_of);
        if before != Some(fact.fact.status) {
            edits.send("status", self.now, &fact);
        }
    }
}

impl Before {
    fn load(family: &Family) -> Result<Option<Self>, Error> {
        let root = family.root::<Root>()?;
        let Some(Root::Intent(kept)) = root.as_deref() else {
            return Ok(None);
        };
        Ok(Some(Self {
            payment: kept.payment(family)?,
            tail: kept.journal.clone(),
            entries: kept.entries(family)?,
            has_attempts_beside: kept.attempts.is_empty(),
        }))
    }

    /// Deletes the records of attempts that stand in the root from now on.
    fn take_in_attempts(&self, edits: &mut Edits) {
        if self.has_attempts_beside {
            for number in self.payment.attempts.keys() {
                edits.delete(&format!("a/{number}"));
            }
        }
    }
}
