//! The sandbox as a payout backend, with books of what it has paid to whom.

use async_trait::async_trait;
use mp_core::{
    Command, Decision, Document, Edits, Error, Family, Timestamp, amount::Money, id::AppId,
    store::Partition,
};
use serde::{Deserialize, Serialize};

use super::{Behaviour, DELAY, PAGES, SandboxBackend, book::Page};
use crate::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, DeclineCode, Lookup, Outcome, Reference,
    },
    payout::{PayoutBackend, PayoutCapabilities, PayoutId, PayoutInstruction},
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
    first_at: Timestamp,
    /// How often it was called for.
    calls: u32,
    /// What became of it; `None` if it never acted.
    outcome: Option<Outcome>,
    /// What is still under way.
    under_way: Option<UnderWay>,
    /// What moved because of it: one entry for each time that it acted.
    movements: Vec<PayoutMovement>,
}

impl Document for AskedPayout {
    const KIND: &'static str = "sandbox_payout";
    const FORMAT: u32 = 1;
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

impl Behaviour {
    /// Returns what a destination makes a payout do: `po_declined` is declined as `account_closed`,
    /// `po_slow` is accepted and paid after [`DELAY`], `po_returned` is paid and comes back after
    /// [`DELAY`], `po_timeout_before` and `po_timeout_after` are not answered the first time, any
    /// other is paid.
    fn of_destination(destination: &str) -> Self {
        match destination {
            "po_declined" => Self::Decline(DeclineCode::of("account_closed")),
            "po_slow" => Self::Delay(DELAY),
            "po_returned" => Self::FailLater(DELAY),
            "po_timeout_before" => Self::TimeoutBefore,
            "po_timeout_after" => Self::TimeoutAfter,
            _ => Self::Succeed,
        }
    }
}

impl SandboxBackend {
    /// Returns every movement that payouts of an app have made, by payout.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn payout_movements(&self, app: &AppId) -> Result<Vec<PayoutMovement>, Error> {
        let mut movements = Vec::new();
        for page in 0..PAGES {
            let reads = Command::on(self.page(app, page)?).prefix("p/");
            let family = self.engine.read(reads).await?;
            for (_, asked) in family.scan::<AskedPayout>("p/")? {
                movements.extend(asked.movements.iter().cloned());
            }
        }
        movements.sort_by_key(|movement| movement.payout);
        Ok(movements)
    }

    fn page_of_payout(&self, app: &AppId, id: PayoutId) -> Result<Partition, Error> {
        let [.., last] = id.to_bytes();
        self.page(app, last % PAGES)
    }

    /// Returns what this call does, if it is not what the destination makes it do.
    fn told_to(&self, op: &'static str) -> Result<Option<Behaviour>, BackendError> {
        match self.scripted() {
            Some(Behaviour::Unavailable) => {
                let kind = BackendErrorKind::Unavailable;
                Err(BackendError::new(kind, op, "the sandbox was told to be"))
            }
            scripted => Ok(scripted),
        }
    }
}

#[async_trait]
impl PayoutBackend for SandboxBackend {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        let Capabilities {
            replays_keys,
            answers_queries,
            webhooks,
            minor_units,
            ..
        } = self.can;
        let mut can = PayoutCapabilities::neither()
            .with_webhooks(webhooks)
            .with_minor_units(minor_units);
        (can.replays_keys, can.answers_queries) = (replays_keys, answers_queries);
        can
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        let scripted = self.told_to("pay_out")?;
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, "pay_out", error);
        let (id, amount) = (instruction.id, instruction.amount);
        let page = self.page_of_payout(&instruction.app, id).map_err(lost)?;
        let command = Command::on(page).key(&format!("p/{id}"));
        let (chance, window) = (self.chance, self.can.replays_keys);
        let usual = Behaviour::of_destination(instruction.destination.as_str());
        let take = move |family: &Family, now: Timestamp| {
            let mut asked =
                read(family, id, now)?.unwrap_or_else(|| AskedPayout::first(amount, now));
            asked.calls += 1;
            let drawn = chance.and_then(|(seed, per_mille)| {
                Behaviour::of_chance(seed, per_mille, &id.to_string(), asked.calls)
            });
            let usual = usual.clone().of_call(asked.calls);
            let behaviour = scripted.clone().or(drawn).unwrap_or(usual);
            let honoured = window.is_some_and(|window| now.since(asked.first_at) < window);
            let earlier = asked.outcome.clone().filter(|_| honoured);
            let answer = match (earlier, behaviour) {
                (Some(_), Behaviour::TimeoutBefore | Behaviour::TimeoutAfter) => Outcome::Unknown,
                (Some(outcome), _) => outcome,
                (None, behaviour) => asked.carry_out(id, behaviour, now),
            };
            Ok::<_, Error>(asked.put(family, id)?.answer(answer))
        };
        let answer = self.engine.run(command, take).await;
        answer.map(|committed| committed.answer).map_err(lost)
    }

    async fn lookup_payout(&self, app: &AppId, id: PayoutId) -> Result<Lookup, BackendError> {
        if !self.can.answers_queries {
            return Ok(Lookup::CannotTell);
        }
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, "lookup", error);
        let page = self.page_of_payout(app, id).map_err(lost)?;
        let command = Command::on(page).key(&format!("p/{id}"));
        let look = move |family: &Family, now: Timestamp| match read(family, id, now)? {
            None => Ok::<_, Error>(Decision::unchanged(None)),
            Some(asked) => {
                let outcome = asked.outcome.clone();
                Ok(asked.put(family, id)?.answer(outcome))
            }
        };
        let found = self.engine.run(command, look).await.map_err(lost)?;
        Ok(found.answer.map_or(Lookup::NotFound, Lookup::Found))
    }
}

/// Reads what was asked under an id, with what has become due of it done.
fn read(family: &Family, id: PayoutId, now: Timestamp) -> Result<Option<AskedPayout>, Error> {
    let found = family.get::<AskedPayout>(&format!("p/{id}"))?;
    Ok(found.map(|found| {
        let mut asked = AskedPayout::clone(&found);
        asked.ripen(id, now);
        asked
    }))
}

impl AskedPayout {
    const fn first(amount: Money, now: Timestamp) -> Self {
        Self {
            amount,
            first_at: now,
            calls: 0,
            outcome: None,
            under_way: None,
            movements: Vec::new(),
        }
    }

    fn carry_out(&mut self, id: PayoutId, behaviour: Behaviour, now: Timestamp) -> Outcome {
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
                self.outcome = Some(Outcome::Accepted);
                self.put_off(Course::Pays, now.plus(delay));
            }
            Behaviour::Asks(action, delay) => {
                self.outcome = Some(Outcome::NeedsAction { action });
                self.put_off(Course::Pays, now.plus(delay));
            }
        }
        self.outcome.clone().unwrap_or(Outcome::Unknown)
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

    const fn put_off(&mut self, course: Course, ready_at: Timestamp) {
        self.under_way = Some(UnderWay { course, ready_at });
    }

    fn pay(&mut self, id: PayoutId, now: Timestamp) {
        let reference = Reference::new(format!("sb_{id}.{}", self.movements.len()));
        self.moved(id, self.amount, now);
        let settled = |reference| Outcome::settled(reference).with_amount(self.amount);
        self.outcome = reference.ok().map(settled);
    }

    fn moved(&mut self, payout: PayoutId, amount: Money, at: Timestamp) {
        self.under_way = None;
        self.movements.push(PayoutMovement { payout, amount, at });
    }

    fn put(self, family: &Family, id: PayoutId) -> Result<Edits, Error> {
        let calls = family.root::<Page>()?.map_or(0, |page| page.calls) + 1;
        let mut edits = Edits::new();
        edits.put_root(Page { calls });
        edits.put(&format!("p/{id}"), self);
        Ok(edits)
    }
}
