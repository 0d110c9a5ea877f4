//! A payment while a decision changes it: events are applied and come to edits of its records.

use std::{sync::Arc, time::Duration};

use mp_core::{Decision, Edits, Error, Family, Timestamp, feed::News};

use super::{Kept, Payment, Policy, Root, State, records::pages};
use crate::{
    attempt::Attempt,
    dispute::Dispute,
    error::PayError,
    journal::{Created, Event, JournalEntry, JournalPage, Request, Stretch},
    news,
    operation::{OperationDue, OperationKey, Stage, Step},
    refund::Refund,
    routing::Routing,
    settlement::{FactLearnt, status_of},
};

/// A payment while a decision changes it.
pub(crate) struct Change {
    before: Option<Before>,
    payment: Payment,
    events: Vec<Event>,
    /// How many of them ran out before anything was asked.
    caught_up: usize,
    /// The call that asked for what came then.
    request: Option<Request>,
    policy: Policy,
    now: Timestamp,
}

/// A payment as it stands.
struct Before {
    payment: Payment,
    /// The tail of its journal.
    tail: Stretch,
    /// What of its journal stands on pages.
    pages: Vec<Arc<JournalPage>>,
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
            caught_up: 0,
            request: None,
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
            caught_up: 0,
            request: None,
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
        if let Some(event) = self.payment.overdue(self.now) {
            self.apply(event)?;
        }
        self.caught_up = self.events.len();
        Ok(())
    }

    /// Returns whether the payment was asked for something by this very call before.
    ///
    /// # Errors
    ///
    /// `idempotency_conflict` if it was asked for something else under the key.
    pub(crate) fn repeats(&self, request: &Request) -> Result<bool, Error> {
        let Some(Before { tail, pages, .. }) = &self.before else {
            return Ok(false);
        };
        for page in pages {
            if page.entries().has_request(request)? {
                return Ok(true);
            }
        }
        tail.has_request(request)
    }

    /// Keeps the call that has asked for the events with the first of them.
    pub(crate) fn asked_by(&mut self, request: Request) {
        self.request = Some(request);
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
        let (mut tail, mut entries) = (Stretch::default(), 0);
        if let Some(before) = self.before.take() {
            before.take_in_attempts(edits);
            entries = before.entries();
            tail = before.tail;
        }
        let new = self.entries_after(entries);
        let (pages, tail) = tail.followed_by(Stretch::of(new)?);
        for page in pages {
            edits.put(&page.key()?, page);
        }
        edits.put_root(Root::Intent(Kept {
            state: State {
                intent: self.payment.intent,
                attempts: self.payment.attempts,
            },
            journal: tail,
        }));
        Ok(())
    }

    /// Takes the events as entries of the journal that come after so many.
    fn entries_after(&mut self, entries: u32) -> Vec<JournalEntry> {
        let events = std::mem::take(&mut self.events);
        let numbered = (entries.saturating_add(1)..).zip(events);
        let new = numbered.map(|(number, event)| JournalEntry::of(number, self.now, event));
        let mut new = Vec::from_iter(new);
        if let Some(asked_for) = new.get_mut(self.caught_up) {
            asked_for.request = self.request.take();
        }
        new
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
            if self.is_in_last_call(key.step) {
                continue;
            }
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
            let (id, due) = (key.to_string(), OperationDue { operation: key });
            let is_new = before.is_none_or(|before| before.operation(key.step).is_none());
            match self.payment.due_at(key.step, call_max, self.now).or(until) {
                // Steps are numbered, so that no other operation had this name.
                Some(at) if is_new => edits.send_new(&id, at, &due),
                Some(at) => edits.send(&id, at, &due),
                None => edits.unsend::<OperationDue>(&id),
            }
        }
    }

    fn is_in_last_call(&self, step: Step) -> bool {
        let before = self.before().and_then(|before| before.operation(step));
        let after = self.payment.operation(step);
        before
            .zip(after)
            .is_some_and(|(before, after)| after.is_in_last_call(before, self.now))
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
            pages: pages(family)?,
            has_attempts_beside: kept.state.attempts.is_empty(),
        }))
    }

    /// Returns how many entries the journal has: they are numbered from 1, and none is ever let go.
    fn entries(&self) -> u32 {
        let paged = self.pages.iter().map(|page| page.entries().len());
        let entries = paged.sum::<usize>() + self.tail.len();
        u32::try_from(entries).unwrap_or(u32::MAX)
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
