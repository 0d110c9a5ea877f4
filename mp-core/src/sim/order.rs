//! Looks for an order of commands that explains what their clients were told.

use std::collections::HashSet;

use super::{
    Model,
    history::{Attempt, Exchange, Heard},
};
use crate::conformance::Violation;

/// How many states are looked at before the search gives up: far more than a part with a few
/// hundred commands of a dozen clients takes.
const STATES_MAX: usize = 500_000;

/// What a command did, or did not do, at one moment between two others.
struct Moment<'a, M: Model> {
    exchange: &'a Exchange<M::Command, M::Answer>,
    /// What it was answered; `None` if nobody heard, and it may as well not have happened.
    told: Option<Result<&'a M::Answer, &'static str>>,
    asked: u64,
    heard: u64,
    /// The refusals of the same command: had it been carried out before, they would have been its
    /// answer.
    after: Vec<usize>,
}

/// Demands that there is an order in which the model answers as the clients were answered, and ends
/// as the system did.
///
/// The search is that of Wing and Gong (*Testing and Verifying Concurrent Objects*, JPDC 1993) with
/// the memory that Lowe added (*Testing for Linearizability*, CCPE 2017).
pub(super) fn demand_order<M: Model>(
    exchanges: &[&Exchange<M::Command, M::Answer>],
    end: &M,
) -> Result<(), Violation> {
    let mut search = Search::<M>::new(exchanges);
    if search.finds(end) {
        return Ok(());
    }
    Err(Violation::new(search.account(end)))
}

struct Search<'a, M: Model> {
    moments: Vec<Moment<'a, M>>,
    seen: HashSet<(Vec<bool>, M)>,
    /// The longest explanation so far.
    best: (usize, Vec<bool>, M),
}

/// A state that was reached, and which moment to try next on it.
struct Step<M> {
    model: M,
    /// The moment that led here.
    by: Option<usize>,
    next: usize,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(exchanges: &[&'a Exchange<M::Command, M::Answer>]) -> Self {
        let moments = moments(exchanges);
        let best = (0, vec![false; moments.len()], M::default());
        Self {
            moments,
            seen: HashSet::new(),
            best,
        }
    }

    fn finds(&mut self, end: &M) -> bool {
        let mut done = vec![false; self.moments.len()];
        let mut path = vec![Step {
            model: M::default(),
            by: None,
            next: 0,
        }];
        while let Some(step) = path.last_mut() {
            if step.next == 0 && self.is_explained(&done) && step.model == *end {
                return true;
            }
            let from = step.next;
            match self.next_moment(&done, &step.model, from) {
                Some((moment, model)) => {
                    // What changes nothing may as well come now: whatever order has it later is one
                    // with it here too, and leaves more time to those that are left.
                    let looks = self.moments[moment].looks();
                    step.next = if looks { usize::MAX } else { moment + 1 };
                    done[moment] = true;
                    if self.is_new(&done, &model) {
                        path.push(Step {
                            model,
                            by: Some(moment),
                            next: 0,
                        });
                    } else {
                        done[moment] = false;
                    }
                }
                None => {
                    let by = path.pop().and_then(|step| step.by);
                    by.into_iter().for_each(|moment| done[moment] = false);
                }
            }
        }
        false
    }

    /// Returns whether only what nobody heard of is left.
    fn is_explained(&self, done: &[bool]) -> bool {
        self.moments
            .iter()
            .zip(done)
            .all(|(moment, done)| *done || moment.told.is_none())
    }

    /// Returns the first moment from a number on that may come next, and the model after it.
    fn next_moment(&self, done: &[bool], model: &M, from: usize) -> Option<(usize, M)> {
        let deadline = self.deadline(done);
        (from..self.moments.len())
            .filter(|number| self.may_come(*number, done, deadline))
            .find_map(|number| Some((number, self.moments[number].happen(model)?)))
    }

    /// Returns when the first of those that are left was heard: what was asked later comes later.
    fn deadline(&self, done: &[bool]) -> u64 {
        let left = self.moments.iter().zip(done).filter(|(_, done)| !**done);
        left.map(|(moment, _)| moment.heard)
            .min()
            .unwrap_or(u64::MAX)
    }

    fn may_come(&self, number: usize, done: &[bool], deadline: u64) -> bool {
        let moment = &self.moments[number];
        !done[number]
            && moment.asked < deadline
            && moment.after.iter().all(|refusal| done[*refusal])
    }

    fn is_new(&mut self, done: &[bool], model: &M) -> bool {
        let depth = done.iter().filter(|done| **done).count();
        if depth > self.best.0 {
            self.best = (depth, done.to_vec(), model.clone());
        }
        self.seen.len() < STATES_MAX && self.seen.insert((done.to_vec(), model.clone()))
    }

    /// Says how far an explanation goes, and where it ends.
    fn account(&self, end: &M) -> String {
        let (depth, done, model) = &self.best;
        let mut account = if self.seen.len() >= STATES_MAX {
            "too entangled to be judged: draw more parts, or let there be fewer clients".to_owned()
        } else {
            "no order of the commands explains the answers".to_owned()
        };
        account += &format!(
            "; after {depth} of {} the model is {model:?}",
            self.moments.len()
        );
        let deadline = self.deadline(done);
        for number in (0..done.len()).filter(|number| self.may_come(*number, done, deadline)) {
            account += &self.moments[number].account(model);
        }
        account + &format!("; the store ends as {end:?}")
    }
}

impl<M: Model> Moment<'_, M> {
    /// Returns the model after this moment, if it can come now.
    fn happen(&self, model: &M) -> Option<M> {
        let mut after = model.clone();
        match (after.apply(&self.exchange.command), self.told) {
            (Ok(answer), Some(Ok(told))) if answer == *told => Some(after),
            (Err(code), Some(Err(told))) if code == told => Some(model.clone()),
            (Ok(_), None) => Some(after),
            _ => None,
        }
    }

    /// Returns whether it changes nothing, whenever it comes.
    fn looks(&self) -> bool {
        matches!(self.told, Some(Err(_))) || M::is_look(&self.exchange.command)
    }

    fn account(&self, model: &M) -> String {
        let answer = model.clone().apply(&self.exchange.command);
        let (key, command) = (&self.exchange.key, &self.exchange.command);
        match self.told {
            Some(told) => {
                format!(
                    "; it answers {answer:?} to {key} {command:?}, the client was told {told:?}"
                )
            }
            None => format!("; nobody was told of {key} {command:?}"),
        }
    }
}

/// Returns the moments of commands: one for every refusal, and one for the effect of those that
/// have one. Those that only may have one come last, so that they are tried where nothing else
/// explains what follows.
fn moments<'a, M: Model>(exchanges: &[&'a Exchange<M::Command, M::Answer>]) -> Vec<Moment<'a, M>> {
    let mut exchanges = exchanges.to_vec();
    exchanges.sort_by_key(|exchange| exchange.attempts.first().map(|attempt| attempt.asked));
    let mut moments = Vec::new();
    let mut open = Vec::new();
    for exchange in exchanges {
        let first = moments.len();
        moments.extend(refusals(exchange));
        let after = Vec::from_iter(first..moments.len());
        match effect(exchange, after) {
            Some(effect) if effect.told.is_none() => open.push(effect),
            effect => moments.extend(effect),
        }
    }
    moments.extend(open);
    moments
}

fn refusals<M: Model>(
    exchange: &Exchange<M::Command, M::Answer>,
) -> impl Iterator<Item = Moment<'_, M>> {
    exchange
        .attempts
        .iter()
        .filter_map(move |attempt| match attempt.heard_of {
            Heard::Refused(code) => Some(Moment {
                exchange,
                told: Some(Err(code)),
                asked: attempt.asked,
                heard: attempt.heard,
                after: Vec::new(),
            }),
            _ => None,
        })
}

/// Returns the effect of a command: between the first attempt that may have had it and the first
/// that was answered. Without an answer it may come at any later time, or never.
fn effect<M: Model>(
    exchange: &Exchange<M::Command, M::Answer>,
    after: Vec<usize>,
) -> Option<Moment<'_, M>> {
    let answered = |attempt: &&Attempt<_>| matches!(attempt.heard_of, Heard::Answered(_));
    let may_have = |attempt: &&Attempt<_>| answered(attempt) || attempt.heard_of == Heard::Unknown;
    let attempts = exchange.attempts.iter();
    let asked = attempts
        .clone()
        .filter(may_have)
        .map(|attempt| attempt.asked)
        .min()?;
    let heard = attempts.filter(answered).map(|attempt| attempt.heard).min();
    Some(Moment {
        exchange,
        told: exchange.answer().map(Ok),
        asked,
        heard: heard.unwrap_or(u64::MAX),
        after,
    })
}

#[cfg(test)]
mod tests;
