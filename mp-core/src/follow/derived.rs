use crate::{clock::Timestamp, error::Error, store::Change};

/// An index over one partition, kept in memory.
///
/// # Contract
/// 1. *By key.* What it holds depends on the last change of each key alone: changes of different keys
///    come in any order.
pub trait Derived: Default + Send + 'static {
    /// What the keys of the records start with that it is derived from, beside the root.
    const PREFIX: &'static str;

    /// Takes in a change of the root, or of a record whose key starts with
    /// [`PREFIX`](Self::PREFIX).
    ///
    /// # Errors
    ///
    /// `corrupt_record` if the value does not read back: the index is thrown away.
    fn apply(&mut self, change: &Change) -> Result<(), Error>;
}

/// An index, and how fresh it is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fresh<'a, I> {
    /// The index.
    pub index: &'a I,
    /// The moment that it shows.
    pub as_of: Timestamp,
}
