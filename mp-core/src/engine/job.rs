use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::{Command, Committed, Decision, Edits, Family};
use crate::{
    clock::Timestamp,
    error::Error,
    idempotency::Remembered,
    store::{Selection, Version},
};

/// A command that waits in a partition's mailbox, whatever its answer's type.
pub(super) trait Job: Send {
    /// Returns whether the command may be decided as if the partition did not exist, unread.
    fn presumes_absent(&self) -> bool;

    /// Adds what the command reads to what is wanted.
    fn reads(&self, now: Timestamp, wanted: &mut Vec<Selection>) -> Result<(), Error>;

    /// Decides on the family and keeps the answer; returns the edits that must be committed first.
    ///
    /// It may be called again on another family, when the commit met a conflict.
    fn decide(&mut self, family: &Family, now: Timestamp) -> Edits;

    /// Returns whether a repetition of this command after a lost answer would be recognised.
    fn is_remembered(&self) -> bool;

    /// Notes that the command may have taken effect, until a newer state shows that it has not.
    fn doubt(&mut self, error: Error);

    /// Tells the caller what was decided.
    fn answer(self: Box<Self>, version: Version);

    /// Tells the caller that the decision did not come about, or that nobody knows.
    fn fail(self: Box<Self>, error: Error);
}

pub(super) struct Decide<T, E, F> {
    command: Command,
    decide: F,
    /// What is to be told, but for the version.
    decided: Option<Result<Committed<T>, E>>,
    /// Why nobody knows whether an earlier commit took effect.
    doubt: Option<Error>,
    reply: oneshot::Sender<Result<Committed<T>, E>>,
    marker: PhantomData<fn() -> (T, E)>,
}

impl<T, E, F> Decide<T, E, F>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: From<Error> + Send + 'static,
    F: Fn(&Family, Timestamp) -> Result<Decision<T>, E> + Send + 'static,
{
    pub(super) fn new(
        command: Command,
        decide: F,
    ) -> (Box<Self>, oneshot::Receiver<Result<Committed<T>, E>>) {
        let (reply, answer) = oneshot::channel();
        (
            Box::new(Self {
                command,
                decide,
                decided: None,
                doubt: None,
                reply,
                marker: PhantomData,
            }),
            answer,
        )
    }

    pub(super) fn decision(&self, family: &Family, now: Timestamp) -> Result<(T, bool, Edits), E> {
        family.demand_live()?;
        if let Some(answer) = self.recall(family, now)? {
            return Ok((answer, true, Edits::new()));
        }
        let Decision { answer, mut edits } = (self.decide)(family, now)?;
        // Where nothing is, and nothing comes to be, is no place for an answer; it is decided again.
        let has_place = family.exists() || edits.puts_root();
        if let Some(idempotency) = self.command.remembers().filter(|_| has_place)
            && let Some([key, _]) = self.command.answer_keys(now)?
        {
            edits.put_at(key, idempotency.remember(&answer)?);
        }
        if let Some(problem) = edits.problem() {
            return Err(problem.into());
        }
        family.check(&edits)?;
        Ok((answer, false, edits))
    }

    fn recall(&self, family: &Family, now: Timestamp) -> Result<Option<T>, Error> {
        let Some(idempotency) = self.command.idempotency() else {
            return Ok(None);
        };
        for key in self.command.answer_keys(now)?.into_iter().flatten() {
            if let Some(remembered) = family.get::<Remembered>(key.as_str())? {
                return idempotency.recall(&remembered).map(Some);
            }
        }
        Ok(None)
    }
}

impl<T, E, F> Job for Decide<T, E, F>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: From<Error> + Send + 'static,
    F: Fn(&Family, Timestamp) -> Result<Decision<T>, E> + Send + 'static,
{
    fn presumes_absent(&self) -> bool {
        self.command.presumes_absent()
    }

    fn reads(&self, now: Timestamp, wanted: &mut Vec<Selection>) -> Result<(), Error> {
        self.command.reads(now, wanted)
    }

    fn decide(&mut self, family: &Family, now: Timestamp) -> Edits {
        // Should this decision panic, no earlier one may be answered in its place.
        self.decided = None;
        match self.decision(family, now) {
            Ok((answer, replayed, edits)) => {
                self.decided = Some(Ok(Committed {
                    answer,
                    replayed,
                    version: family.head(),
                    at: now,
                }));
                if !edits.is_empty() && family.head() != Version::ABSENT {
                    // The family was read since: it has what an earlier commit left behind, or never
                    // will. One without a head was presumed: whatever is doubted has seen a head. Where
                    // there is nothing to write, that commit may be what took effect.
                    self.doubt = None;
                }
                edits
            }
            Err(refusal) => {
                self.decided = Some(Err(refusal));
                Edits::new()
            }
        }
    }

    fn is_remembered(&self) -> bool {
        self.command.idempotency().is_some()
    }

    fn doubt(&mut self, error: Error) {
        self.doubt = Some(error);
    }

    fn answer(self: Box<Self>, version: Version) {
        let Some(decided) = self.decided else { return };
        let committed = decided.map(|decided| Committed { version, ..decided });
        // The caller may have stopped waiting; the decision stands all the same.
        let _ = self.reply.send(committed);
    }

    fn fail(self: Box<Self>, error: Error) {
        let error = self.doubt.unwrap_or(error);
        let _ = self.reply.send(Err(error.into()));
    }
}
