use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Seen, Step, StepState};
use crate::{
    clock::{SKEW_MAX, Timestamp},
    document::Document,
    error::{Error, ErrorKind},
};

/// The most steps of one plan.
pub const STEPS_MAX: usize = 8;

/// By how much each reservation outlives that of the step after it: twice what clocks may differ.
pub const STEP_MARGIN: Duration = SKEW_MAX.saturating_mul(2);

/// How often a participant that waits for somebody is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// An ordered list of reservations, and what is wanted of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    steps: Vec<Step>,
    standing: Standing,
    /// The code of the error, or of the loss, that made it release, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Document for Plan {
    const KIND: &'static str = "plan";
    const FORMAT: u32 = 2;
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is asking for its reservations in order.
    Reserving,
    /// It holds all of them.
    Reserved,
    /// It is confirming them in order.
    Confirming,
    /// It keeps all of them.
    Confirmed,
    /// It is letting go of them in reverse order.
    Releasing,
    /// It holds none of them.
    Released,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// What is asked of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Hold it.
    Reserve,
    /// Keep it.
    Confirm,
    /// Let go of it.
    Release,
}

/// What has to be done next about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask the participant of this step.
    Call(usize, Verb),
    /// Give up reserving: the time for it is over.
    Expire,
    /// Nothing, until the home wants something else.
    Rest,
}

impl Plan {
    /// Makes a plan.
    ///
    /// # Errors
    ///
    /// `invalid_field` if there are no steps or more than [`STEPS_MAX`], or if a step's reservation
    /// does not outlive that of the step after it by [`STEP_MARGIN`].
    pub fn new(steps: Vec<Step>) -> Result<Self, Error> {
        if steps.is_empty() || steps.len() > STEPS_MAX {
            return Err(Error::invalid("steps", "are none or too many"));
        }
        let outlives = |pair: &[Step]| pair[0].until >= pair[1].until.plus(STEP_MARGIN);
        if !steps.windows(2).all(outlives) {
            return Err(Error::invalid(
                "until",
                "must outlive that of the following step",
            ));
        }
        Ok(Self {
            steps,
            standing: Standing::Reserving,
            failure: None,
        })
    }

    /// Returns the steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns where the plan stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Returns whether this release knows all that the plan says; one that it does not know is left
    /// to the newer release that wrote it.
    #[must_use]
    pub fn is_recognized(&self) -> bool {
        let known = |step: &Step| step.state != StepState::Unrecognized;
        self.standing != Standing::Unrecognized && self.steps.iter().all(known)
    }

    /// Refuses what this release does not know all of: written again, it would lose that.
    pub(super) fn demand_recognized(&self) -> Result<(), Error> {
        if self.is_recognized() {
            return Ok(());
        }
        let message = "a newer release has moved the plan on, and only it can go on";
        Err(Error::new(ErrorKind::Unavailable, "newer_release", message))
    }

    /// Returns what has to be done next.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        if !self.is_recognized() {
            return Next::Rest;
        }
        match self.standing {
            Standing::Reserving => self.next_to_reserve(now),
            Standing::Confirming => self.next_to_confirm(),
            Standing::Releasing => self.next_to_release(),
            Standing::Reserved
            | Standing::Confirmed
            | Standing::Released
            | Standing::Unrecognized => Next::Rest,
        }
    }

    fn next_to_reserve(&self, now: Timestamp) -> Next {
        let open = |step: &Step| matches!(step.state, StepState::Planned | StepState::Pending);
        match self.steps.iter().position(open) {
            Some(position) if self.steps[position].until <= now => Next::Expire,
            Some(position) => Next::Call(position, Verb::Reserve),
            None => Next::Rest,
        }
    }

    fn next_to_confirm(&self) -> Next {
        let position = self
            .steps
            .iter()
            .position(|step| step.state == StepState::Reserved);
        position.map_or(Next::Rest, |position| Next::Call(position, Verb::Confirm))
    }

    fn next_to_release(&self) -> Next {
        let held = |step: &Step| !matches!(step.state, StepState::Refused | StepState::Released);
        let position = self.steps.iter().rposition(held);
        position.map_or(Next::Rest, |position| Next::Call(position, Verb::Release))
    }

    /// Returns when a participant that said "pending" is asked again: after a pause, or when the
    /// time for reserving ends if that is sooner.
    #[must_use]
    pub fn ask_again_at(&self, step: usize, now: Timestamp) -> Timestamp {
        let later = now.plus(ASK_AGAIN);
        let until = self.steps.get(step).map_or(later, |step| step.until);
        if until > now { later.min(until) } else { later }
    }

    /// Returns the plan after what was seen; what is seen late changes nothing, nor does what is seen of a
    /// plan that is not [recognized](Self::is_recognized).
    #[must_use]
    pub fn observe(&self, position: usize, seen: &Seen) -> Self {
        let mut plan = self.clone();
        if !self.is_recognized() {
            return plan;
        }
        let asked = self.asked();
        let Some(step) = plan.steps.get_mut(position) else {
            return plan;
        };
        if let (StepState::Pending, Seen::Pending(detail)) = (step.state, seen) {
            // It waits for something else now: a screen must show the present one.
            step.detail = present(detail);
            return plan;
        }
        let Some(state) = step.state.next(seen) else {
            return plan;
        };
        step.state = state;
        step.detail = match seen {
            Seen::Pending(detail) => present(detail),
            Seen::Refused(code) => Some(code.as_str().into()),
            Seen::Reserved | Seen::Confirmed => None,
            Seen::Released => step.detail.take(),
        };
        plan.stand(asked);
        plan
    }

    /// Returns the plan with the wish to keep everything.
    ///
    /// # Errors
    ///
    /// `refused` unless everything is reserved, or the wish was made before; `newer_release` if it is
    /// not [recognized](Self::is_recognized).
    pub fn confirm(&self) -> Result<Self, Error> {
        self.demand_recognized()?;
        match self.standing {
            Standing::Confirming | Standing::Confirmed => Ok(self.clone()),
            Standing::Reserved => Ok(Self {
                standing: Standing::Confirming,
                ..self.clone()
            }),
            _ => {
                let message = "the plan does not hold all of its reservations";
                Err(Error::new(ErrorKind::Refused, "not_reserved", message))
            }
        }
    }

    /// Returns the plan given up, if the time for reserving is over by now; else as it is.
    #[must_use]
    pub fn expire(&self, now: Timestamp) -> Self {
        match self.next(now) {
            Next::Expire => self.release(),
            _ => self.clone(),
        }
    }

    /// Returns the plan given up because a call on a step's participant met an error that no
    /// repetition mends; as it is if the plan has moved on from where that was asked.
    ///
    /// An error is no refusal: nothing says that the step holds nothing, for an earlier call, or one of
    /// another process, may have succeeded. So it is released with the others.
    #[must_use]
    pub fn fail(&self, position: usize, verb: Verb, code: &str) -> Self {
        let state = self.steps.get(position).map(|step| step.state);
        let waits_for_it = match verb {
            Verb::Reserve => {
                self.standing == Standing::Reserving
                    && matches!(state, Some(StepState::Planned | StepState::Pending))
            }
            Verb::Confirm => {
                self.standing == Standing::Confirming && state == Some(StepState::Reserved)
            }
            // Nothing else is left to be done about it: it has to succeed.
            Verb::Release => false,
        };
        if !waits_for_it || !self.is_recognized() {
            return self.clone();
        }
        Self {
            failure: Some(code.to_owned()),
            ..self.release()
        }
    }

    /// Returns the plan given up because what a step had reserved is held no more, as its participant
    /// tells without being asked; as it is if that is not reserved any more, or is being confirmed: then
    /// the answer to that decides.
    ///
    /// The step is released with the others, for what is told late may be true no longer.
    #[must_use]
    pub fn lose(&self, position: usize, code: &str) -> Self {
        let state = self.steps.get(position).map(|step| step.state);
        let holds = matches!(self.standing, Standing::Reserving | Standing::Reserved);
        if !holds || state != Some(StepState::Reserved) || !self.is_recognized() {
            return self.clone();
        }
        Self {
            failure: Some(code.to_owned()),
            ..self.release()
        }
    }

    /// Returns the plan with the wish to let go of everything, kept or not.
    ///
    /// Steps are asked for in order, so those behind the first that is not held were never asked
    /// for; they need no release.
    ///
    /// A plan that is not [recognized](Self::is_recognized) stays as it is, and [`put`](super::put)
    /// refuses it, with all that was decided about it.
    #[must_use]
    pub fn release(&self) -> Self {
        self.release_asked(self.asked())
    }

    /// Returns how many steps may have been asked for: those in order up to the first that is not held, and
    /// that one.
    fn asked(&self) -> usize {
        let held = |step: &&Step| matches!(step.state, StepState::Reserved | StepState::Confirmed);
        self.steps.iter().take_while(held).count() + 1
    }

    /// Returns the plan with the wish to let go of the first steps, which may have been asked for.
    fn release_asked(&self, asked: usize) -> Self {
        let settled = matches!(self.standing, Standing::Releasing | Standing::Released);
        if settled || !self.is_recognized() {
            return self.clone();
        }
        let mut plan = Self {
            standing: Standing::Releasing,
            ..self.clone()
        };
        for step in plan.steps.iter_mut().skip(asked) {
            if step.state == StepState::Planned {
                step.state = StepState::Released;
            }
        }
        plan.stand(asked);
        plan
    }

    /// Draws the conclusion from the states of the steps, of which so many may have been asked for.
    ///
    /// That is told by the states before something was seen: a refusal may come late, of a step that was
    /// held, and those behind it have been asked for since.
    fn stand(&mut self, asked: usize) {
        let all = |state: StepState| self.steps.iter().all(|step| step.state == state);
        let refused = self
            .steps
            .iter()
            .any(|step| step.state == StepState::Refused);
        match self.standing {
            Standing::Reserving if all(StepState::Reserved) => self.standing = Standing::Reserved,
            Standing::Confirming if all(StepState::Confirmed) => {
                self.standing = Standing::Confirmed;
            }
            Standing::Reserving | Standing::Reserved | Standing::Confirming if refused => {
                *self = self.release_asked(asked);
            }
            Standing::Releasing if self.next_to_release() == Next::Rest => {
                self.standing = Standing::Released;
            }
            _ => {}
        }
    }

    /// Returns the code of the refusal, of the error or of the loss that made the plan release, if one
    /// did.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        if let Some(code) = &self.failure {
            return Some(code);
        }
        let refused = self
            .steps
            .iter()
            .find(|step| step.state == StepState::Refused)?;
        refused.detail.as_ref()?.as_str()
    }
}

/// A step that waits for an answer, and for nobody to do anything, has no detail: `null` reads back so.
fn present(detail: &Value) -> Option<Value> {
    (!detail.is_null()).then(|| detail.clone())
}

#[cfg(test)]
mod reachable;
#[cfg(test)]
mod tests;
