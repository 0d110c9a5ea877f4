//! The sandbox's own books of payouts: what it was asked, and what it has paid to whom.

use mp_core::{Document, Edits, Error, Family, Timestamp, amount::Money};
use serde::{Deserialize, Serialize};

use super::{Behaviour, book::Page, replays::Answered};
use crate::{
    backend::{DeclineCode, Outcome, Reference},
    payout::PayoutId,
};

/// One movement of money that the sandbox made for a payout.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PayoutMovement {
    /// For which payout.
    pub payout: PayoutId,
    /// To the receiver; below zero what came back.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// What was asked under one payout's id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct AskedPayout {
    amount: Money,
    /// When it was first called for.
    pub(super) first_at: Timestamp,
    /// How often it was called for.
    pub(super) calls: u32,
    /// What became of it; `None` if it never acted.
    pub(super) outcome: Option<Outcome>,
    /// What it was answered first, where more was under way by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_answer: Option<Outcome>,
    /// What is still under way.
    under_way: Option<UnderWay>,
    /// What moved because of it: one entry for each time that it acted.
    pub(super) movements: Vec<PayoutMovement>,
}

impl Document for AskedPayout {
    const KIND: &'static str = "sandbox_payout";
    const FORMAT: u32 = 2;
}

/// What will be done later.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct UnderWay {
    course: Course,
    ready_at: Timestamp,
}

/// What it is that will be done.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Course {
    Pays,
    Returns,
}

/// Reads what was asked under an id, with what has become due of it done.
pub(super) fn read(
    family: &Family,
    id: PayoutId,
    now: Timestamp,
) -> Result<Option<AskedPayout>, Error> {
    let found = family.get::<AskedPayout>(&format!("p/{id}"))?;
    Ok(found.map(|found| {
        let mut asked = AskedPayout::clone(&found);
        asked.ripen(id, now);
        asked
    }))
}

impl AskedPayout {
    pub(super) const fn first(amount: Money, now: Timestamp) -> Self {
        Self {
            amount,
            first_at: now,
            calls: 0,
            outcome: None,
            first_answer: None,
            under_way: None,
            movements: Vec::new(),
        }
    }

    pub(super) fn carry_out(
        &mut self,
        id: PayoutId,
        behaviour: Behaviour,
        now: Timestamp,
    ) -> Outcome {
        match behaviour {
            Behaviour::TimeoutBefore | Behaviour::Unavailable => return Outcome::Unknown,
            Behaviour::Decline(code) => self.outcome = Some(Outcome::declined(code)),
            Behaviour::Succeed => self.pay(id, now),
            Behaviour::TimeoutAfter => {
                self.pay(id, now);
                return Outcome::Unknown;
            }
            Behaviour::Misstate(told) => {
                self.pay(id, now);
                let outcome = self.outcome.take();
                self.outcome = outcome.map(|outcome| outcome.with_amount(told));
            }
            Behaviour::FailLater(delay) => {
                self.pay(id, now);
                self.put_off(Course::Returns, now.plus(delay));
            }
            Behaviour::Delay(delay) | Behaviour::NeedsAction(delay) => {
                self.accept(id, Outcome::accepted());
                self.put_off(Course::Pays, now.plus(delay));
            }
            Behaviour::Asks(action, delay) => {
                self.accept(id, Outcome::needs_action(action));
                self.put_off(Course::Pays, now.plus(delay));
            }
        }
        if self.under_way.is_some() && self.first_answer.is_none() {
            self.first_answer.clone_from(&self.outcome);
        }
        self.outcome.clone().unwrap_or(Outcome::Unknown)
    }

    pub(super) const fn answered(&self) -> Answered<'_> {
        Answered {
            first_at: self.first_at,
            first_answer: self.first_answer.as_ref(),
            outcome: self.outcome.as_ref(),
        }
    }

    fn ripen(&mut self, id: PayoutId, now: Timestamp) {
        let due = self.under_way.filter(|it| it.ready_at <= now);
        match due.map(|it| it.course) {
            Some(Course::Pays) => self.pay(id, now),
            Some(Course::Returns) => {
                let back = Money::new(self.amount.minor().saturating_neg(), self.amount.currency());
                self.moved(id, back, now);
                self.outcome = Some(Outcome::declined(DeclineCode::of("account_closed")));
            }
            None => {}
        }
    }

    /// Answers with this while it is put off, under the name that it is paid by then.
    fn accept(&mut self, id: PayoutId, outcome: Outcome) {
        self.outcome = Some(match self.name(id) {
            Some(name) => outcome.with_reference(name),
            None => outcome,
        });
    }

    fn name(&self, id: PayoutId) -> Option<Reference> {
        Reference::new(format!("sb_{id}.{}", self.movements.len())).ok()
    }

    const fn put_off(&mut self, course: Course, ready_at: Timestamp) {
        self.under_way = Some(UnderWay { course, ready_at });
    }

    fn pay(&mut self, id: PayoutId, now: Timestamp) {
        let reference = self.name(id);
        self.moved(id, self.amount, now);
        let settled = |reference| Outcome::settled(reference).with_amount(self.amount);
        self.outcome = reference.map(settled);
    }

    fn moved(&mut self, payout: PayoutId, amount: Money, at: Timestamp) {
        self.under_way = None;
        self.movements.push(PayoutMovement { payout, amount, at });
    }

    pub(super) fn put(self, family: &Family, id: PayoutId) -> Result<Edits, Error> {
        let calls = family.root::<Page>()?.map_or(0, |page| page.calls) + 1;
        let mut edits = Edits::new();
        edits.put_root(Page { calls });
        edits.put(&format!("p/{id}"), self);
        Ok(edits)
    }
}
