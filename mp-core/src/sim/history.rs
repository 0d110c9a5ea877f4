use std::collections::BTreeMap;

use super::Drawn;
use crate::{conformance::Violation, id::IdempotencyKey};

/// What the clients of one run asked and were told.
#[derive(Clone, Debug)]
pub struct History<C, A>(Vec<Exchange<C, A>>);

/// One command of a client, with all its attempts.
#[derive(Clone, Debug)]
pub struct Exchange<C, A> {
    pub(super) part: String,
    pub(super) command: C,
    pub(super) is_keyed: bool,
    pub(super) key: IdempotencyKey,
    pub(super) attempts: Vec<Attempt<A>>,
}

/// One call of a command, between two moments in the order of what clients asked and heard.
#[derive(Clone, Debug)]
pub(super) struct Attempt<A> {
    pub(super) asked: u64,
    pub(super) heard: u64,
    pub(super) heard_of: Heard<A>,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard<A> {
    Answered(A),
    Refused(&'static str),
    /// Nothing happened.
    Unavailable,
    /// Nobody knows.
    Unknown,
}

impl<C, A: Clone + std::fmt::Debug + PartialEq> Exchange<C, A> {
    pub(super) fn new(drawn: Drawn<C>, key: IdempotencyKey) -> Self {
        Self {
            part: drawn.part,
            command: drawn.command,
            is_keyed: drawn.is_keyed,
            key,
            attempts: Vec::new(),
        }
    }

    /// Returns the command.
    #[must_use]
    pub const fn command(&self) -> &C {
        &self.command
    }

    /// Returns the idempotency key it was called with.
    #[must_use]
    pub const fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// Returns the answer, if there was one.
    #[must_use]
    pub fn answer(&self) -> Option<&A> {
        self.attempts
            .iter()
            .find_map(|attempt| match &attempt.heard_of {
                Heard::Answered(answer) => Some(answer),
                _ => None,
            })
    }

    /// Returns whether it may have taken effect without an answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.answer().is_none() && self.heard(|heard| *heard == Heard::Unknown)
    }

    /// Returns whether its client has nothing more to find out, or cannot.
    pub(super) fn is_over(&self) -> bool {
        self.heard(|heard| match heard {
            Heard::Answered(_) | Heard::Refused(_) => true,
            Heard::Unknown => !self.is_keyed,
            Heard::Unavailable => false,
        })
    }

    /// Demands that whoever asks again is told the same.
    pub(super) fn demand_one_answer(&self) -> Result<(), Violation> {
        let mut answers = self
            .attempts
            .iter()
            .filter_map(|attempt| match &attempt.heard_of {
                Heard::Answered(answer) => Some(answer),
                _ => None,
            });
        let Some(first) = answers.next() else {
            return Ok(());
        };
        match answers.find(|answer| *answer != first) {
            None => Ok(()),
            Some(other) => {
                let key = &self.key;
                let problem = format!("{key} was answered {first:?}, and {other:?} when repeated");
                Err(Violation::new(problem))
            }
        }
    }

    fn heard(&self, what: impl FnMut(&Heard<A>) -> bool) -> bool {
        self.attempts
            .iter()
            .map(|attempt| &attempt.heard_of)
            .any(what)
    }
}

impl<C, A: Clone + std::fmt::Debug + PartialEq> History<C, A> {
    pub(super) const fn new(exchanges: Vec<Exchange<C, A>>) -> Self {
        Self(exchanges)
    }

    /// Returns every command that was drawn, client by client.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange<C, A>] {
        &self.0
    }

    /// Returns the commands that were answered, with their answers.
    pub fn answered(&self) -> impl Iterator<Item = (&Exchange<C, A>, &A)> {
        self.0
            .iter()
            .filter_map(|exchange| Some((exchange, exchange.answer()?)))
    }

    pub(super) fn by_part(&self) -> BTreeMap<&str, Vec<&Exchange<C, A>>> {
        let mut parts: BTreeMap<&str, Vec<&Exchange<C, A>>> = BTreeMap::new();
        for exchange in &self.0 {
            parts.entry(&exchange.part).or_default().push(exchange);
        }
        parts
    }
}
