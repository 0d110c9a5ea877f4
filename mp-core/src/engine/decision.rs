use std::{collections::BTreeMap, fmt};

use bytes::Bytes;

use super::entry::Decoded;
use crate::{
    clock::Timestamp,
    document::{self, Document},
    error::Error,
    store::Key,
};

/// What a state machine decided: an answer, and the edits that make it true.
#[derive(Debug)]
pub struct Decision<T> {
    /// What the caller is told.
    pub answer: T,
    /// What changes in the partition, in one commit.
    pub edits: Edits,
}

impl<T> Decision<T> {
    /// Decides that nothing changes.
    #[must_use]
    pub fn unchanged(answer: T) -> Self {
        Self {
            answer,
            edits: Edits::new(),
        }
    }

    /// Replaces the answer.
    #[must_use]
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Decision<U> {
        Decision {
            answer: map(self.answer),
            edits: self.edits,
        }
    }
}

/// The records that one decision puts, deletes, sends and schedules in its partition.
///
/// The last edit of a key counts.
#[derive(Default)]
pub struct Edits {
    writes: BTreeMap<Key, Edit>,
    declared_new: Vec<Key>,
    problem: Option<Error>,
}

pub(super) enum Edit {
    Put(Decoded),
    /// A record that was put, as it is written.
    Encoded(Bytes),
    Deliver(Bytes, Timestamp),
    Delete,
}

impl Edits {
    /// Creates no edits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the root.
    pub fn put_root<D: Document>(&mut self, document: D) {
        self.put("", document);
    }

    /// Puts a record.
    pub fn put<D: Document>(&mut self, key: &str, document: D) {
        self.edit(key, Ok(Edit::Put(Decoded::of(document))));
    }

    /// Deletes a record.
    pub fn delete(&mut self, key: &str) {
        self.edit(key, Ok(Edit::Delete));
    }

    /// Declares that nothing can stand at `key` yet, for instance because it holds a number that the
    /// root has just given out: then it may be put without having been selected.
    pub fn declare_new(&mut self, key: &str) {
        match Key::new(key) {
            Ok(key) => self.declared_new.push(key),
            Err(error) => self.problem = self.problem.take().or(Some(error)),
        }
    }

    /// Sends a message through the outbox: work of kind [`Document::KIND`], due at `due_at`.
    ///
    /// A message with the same kind and `id` that is still there is replaced.
    pub fn send<D: Document>(&mut self, id: &str, due_at: Timestamp, message: &D) {
        self.deliver("~o", D::KIND, id, due_at, message);
    }

    /// Sends a message under an id that no other message of its kind ever had here, for instance because
    /// it holds a number that the root has just given out. As [`send`](Self::send), but a store need not
    /// look whether there is one to be replaced.
    pub fn send_new<D: Document>(&mut self, id: &str, due_at: Timestamp, message: &D) {
        self.declare_new(&["~o/", D::KIND, "/", id].concat());
        self.send(id, due_at, message);
    }

    /// Sets a timer: work of kind [`Document::KIND`], due at `due_at`; a timer of the same kind and
    /// `id` is replaced.
    pub fn schedule<D: Document>(&mut self, id: &str, due_at: Timestamp, message: &D) {
        self.schedule_as(D::KIND, id, due_at, message);
    }

    /// Sets a timer for work of another kind than the message's, one that is made of names.
    pub(crate) fn schedule_as<D: Document>(
        &mut self,
        kind: &str,
        id: &str,
        due_at: Timestamp,
        message: &D,
    ) {
        self.deliver("~t", kind, id, due_at, message);
    }

    /// Removes a timer; nothing happens if it is gone.
    pub fn unschedule<D: Document>(&mut self, id: &str) {
        self.delete(&format!("~t/{}/{id}", D::KIND));
    }

    /// Removes a message that was not delivered yet; nothing happens if it is gone.
    pub fn unsend<D: Document>(&mut self, id: &str) {
        self.delete(&format!("~o/{}/{id}", D::KIND));
    }

    /// Takes over the edits of another decision on the same partition.
    pub fn extend(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.declared_new.extend(other.declared_new);
        self.problem = self.problem.take().or(other.problem);
    }

    /// Joins the edits with the answer.
    #[must_use]
    pub const fn answer<T>(self, answer: T) -> Decision<T> {
        Decision {
            answer,
            edits: self,
        }
    }

    /// Returns whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Returns whether the root is put.
    pub(super) fn puts_root(&self) -> bool {
        self.writes.contains_key(&Key::root())
    }

    pub(super) fn put_at<D: Document>(&mut self, key: Key, document: D) {
        self.writes.insert(key, Edit::Put(Decoded::of(document)));
    }

    fn deliver<D: Document>(
        &mut self,
        space: &str,
        kind: &str,
        id: &str,
        due_at: Timestamp,
        message: &D,
    ) {
        let edit = document::encode(message, None).map(|bytes| Edit::Deliver(bytes, due_at));
        self.edit(&[space, "/", kind, "/", id].concat(), edit);
    }

    fn edit(&mut self, key: &str, edit: Result<Edit, Error>) {
        match Key::new(key).and_then(|key| Ok((key, edit?))) {
            Ok((key, edit)) => {
                self.writes.insert(key, edit);
            }
            Err(error) => self.problem = self.problem.take().or(Some(error)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.writes.keys()
    }

    pub(super) fn is_declared_new(&self, key: &Key) -> bool {
        self.declared_new.contains(key)
    }

    /// Returns the first key or value that could not be written, if there was one.
    pub(super) fn problem(&mut self) -> Option<Error> {
        self.problem.take()
    }

    /// Returns the edits, and the keys that were declared new.
    pub(super) fn into_parts(self) -> (BTreeMap<Key, Edit>, Vec<Key>) {
        (self.writes, self.declared_new)
    }
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.writes.keys()).finish()
    }
}
