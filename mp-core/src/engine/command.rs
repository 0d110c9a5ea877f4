use std::sync::OnceLock;

use serde::Serialize;

use crate::{
    clock::Timestamp,
    error::Error,
    idempotency::Idempotency,
    store::{Key, Partition, Selection, Version},
};

/// Addresses a decision: its partition, the records it reads, and the key under which its answer is
/// remembered.
#[derive(Clone, Debug)]
pub struct Command {
    partition: Partition,
    reads: Vec<Selection>,
    idempotency: Option<Idempotency>,
    /// The period and the keys that [`answer_keys`](Self::answer_keys) last told.
    answer_keys: OnceLock<(u64, [Key; 2])>,
    /// Whether the decision itself keeps what tells a repetition.
    kept_by_decision: bool,
    presumes_absent: bool,
    problem: Option<Error>,
}

impl Command {
    /// Addresses a partition; the root is always read.
    #[must_use]
    pub const fn on(partition: Partition) -> Self {
        Self {
            partition,
            reads: Vec::new(),
            idempotency: None,
            answer_keys: OnceLock::new(),
            kept_by_decision: false,
            presumes_absent: false,
            problem: None,
        }
    }

    /// Reads the record at `key`, present or absent. One of the delivery namespace is refused as
    /// `invalid_field`: no decision reads it.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.read(readable(key).map(Selection::Key))
    }

    /// Reads every record whose key starts with `prefix`, which is none of the delivery namespace.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        self.read(readable(prefix).map(Selection::Prefix))
    }

    /// Presumes that the partition does not exist yet, and saves reading it: for what is created under
    /// an id that nobody else uses. Where it exists after all the commit conflicts, and the command is
    /// decided on what is there; so it may be presumed wrongly, and only costs a commit then.
    /// [`Engine::plan`](super::Engine::plan) and [`Engine::read`](super::Engine::read) read all the
    /// same.
    #[must_use]
    pub const fn presume_absent(mut self) -> Self {
        self.presumes_absent = true;
        self
    }

    /// Remembers the answer: a repetition is answered the same and changes nothing.
    ///
    /// Where the partition does not exist and the decision does not make it, there is nothing to remember
    /// the answer in: a repetition is decided anew.
    #[must_use]
    pub fn once(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = Some(idempotency);
        self.answer_keys = OnceLock::new();
        self.kept_by_decision = false;
        self
    }

    /// Leaves it to the decision to tell a repetition from the first time, by what it writes itself, and
    /// writes no answer beside that: a record less in each commit, and nothing that lapses. Else as
    /// [`once`](Self::once); an answer that was remembered before is told still.
    ///
    /// The decision answers a repetition without edits, and refuses another command under the same key as
    /// [`key_reused`](crate::idempotency::key_reused).
    #[must_use]
    pub fn once_by_decision(self, idempotency: Idempotency) -> Self {
        let mut command = self.once(idempotency);
        command.kept_by_decision = true;
        command
    }

    fn read(mut self, selection: Result<Selection, Error>) -> Self {
        match selection {
            Ok(selection) => self.reads.push(selection),
            Err(error) => self.problem = self.problem.or(Some(error)),
        }
        self
    }

    pub(super) const fn partition(&self) -> &Partition {
        &self.partition
    }

    pub(super) const fn presumes_absent(&self) -> bool {
        self.presumes_absent
    }

    pub(super) const fn idempotency(&self) -> Option<&Idempotency> {
        self.idempotency.as_ref()
    }

    /// Returns what an answer is to be remembered by, beside what the decision writes.
    pub(super) fn remembers(&self) -> Option<&Idempotency> {
        self.idempotency.as_ref().filter(|_| !self.kept_by_decision)
    }

    /// Adds the records that a decision at `now` reads to those that are wanted.
    pub(super) fn reads(&self, now: Timestamp, wanted: &mut Vec<Selection>) -> Result<(), Error> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let answers = self.answer_keys(now)?;
        wanted.extend_from_slice(&self.reads);
        wanted.extend(answers.into_iter().flatten().map(Selection::Key));
        Ok(())
    }

    /// Returns the keys under which the answer may stand that is remembered at `now`, if it is to be
    /// remembered: first the one that a new answer is written to.
    pub(super) fn answer_keys(&self, now: Timestamp) -> Result<Option<[Key; 2]>, Error> {
        let Some(idempotency) = &self.idempotency else {
            return Ok(None);
        };
        let period = Idempotency::period(now);
        if let Some((known, keys)) = self.answer_keys.get()
            && *known == period
        {
            return Ok(Some(keys.clone()));
        }
        let [present, last] = idempotency.keys(now);
        let keys = [Key::new(&present)?, Key::new(&last)?];
        // A period later the first ones stay; then they are made anew each time.
        let _ = self.answer_keys.set((period, keys.clone()));
        Ok(Some(keys))
    }
}

fn readable(key: &str) -> Result<Key, Error> {
    let key = Key::new(key)?;
    match key.is_delivery() {
        true => Err(Error::invalid("key", "is of the delivery namespace")),
        false => Ok(key),
    }
}

/// A decision's answer, durable from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Committed<T> {
    /// What was decided.
    pub answer: T,
    /// Whether it had been decided before, under the same idempotency key.
    pub replayed: bool,
    /// The version of the partition that shows it.
    #[serde(skip)]
    pub version: Version,
    /// The time it was decided at: the one that its decision was given. Of a repetition that is when it was
    /// told its answer, not when the first one was.
    #[serde(skip)]
    pub at: Timestamp,
}
