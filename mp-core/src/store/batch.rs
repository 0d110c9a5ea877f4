use std::collections::BTreeSet;

use bytes::Bytes;

use super::{CommitId, Key, Partition, StoreError, Version};
use crate::clock::Timestamp;

/// One change to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Creates or replaces a record that decisions read.
    Put {
        /// Where; never in the delivery namespace.
        key: Key,
        /// The new value.
        value: Bytes,
        /// Whether the caller knows that no such record is there. What comes of the write is the same,
        /// true or false: a store may begin with what is fastest if it is true, or pay no attention.
        new: bool,
    },
    /// Creates or replaces a delivery record.
    Deliver {
        /// Where; always `~o/{kind}/{id}` or `~t/{kind}/{id}`.
        key: Key,
        /// The message.
        value: Bytes,
        /// From when on it is due.
        due_at: Timestamp,
        /// Whether the caller knows that no such delivery is there; as for [`Put`](Self::Put).
        new: bool,
    },
    /// Removes a record of either kind; removing what is not there is not an error.
    Delete {
        /// Which; never the root.
        key: Key,
    },
}

impl Write {
    /// Puts a value at `key`, whatever is there.
    #[must_use]
    pub const fn put(key: Key, value: Bytes) -> Self {
        let new = false;
        Self::Put { key, value, new }
    }

    /// Puts a message at `key`, whatever is there, due from `due_at` on.
    #[must_use]
    pub const fn deliver(key: Key, value: Bytes, due_at: Timestamp) -> Self {
        Self::Deliver {
            key,
            value,
            due_at,
            new: false,
        }
    }

    /// Says whether the caller knows that nothing is there.
    #[must_use]
    pub fn known_new(mut self, known: bool) -> Self {
        if let Self::Put { new, .. } | Self::Deliver { new, .. } = &mut self {
            *new = known;
        }
        self
    }

    /// Returns whether the caller knows that nothing is there.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        matches!(
            self,
            Self::Put { new: true, .. } | Self::Deliver { new: true, .. }
        )
    }

    /// Returns the key that is written.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Deliver { key, .. } | Self::Delete { key } => key,
        }
    }

    /// Returns the value that is written, if it is not a deletion.
    #[must_use]
    pub const fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Put { value, .. } | Self::Deliver { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }
}

/// What one commit does to one partition: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The head version that was decided on; [`Version::ABSENT`] creates the partition.
    pub expect: Version,
    /// The commit's name.
    pub commit_id: CommitId,
    /// The caller's time; the head keeps the later of this and its own.
    pub at: Timestamp,
    /// At most one write per key.
    pub writes: Vec<Write>,
}

/// What a store takes: at least [`STANDARD`](Self::STANDARD), to which capabilities size what they
/// commit and ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest value, in bytes.
    pub value_max: usize,
    /// The most writes in one batch.
    pub writes_max: usize,
    /// The most records one read may ask for.
    pub read_max: u32,
    /// The most deliveries one `due` may ask for.
    pub due_max: u32,
}

impl Limits {
    /// The limits of the stores that ship with the suite, and the least that any store offers. A store
    /// that takes less refuses what a capability commits, for a large group for instance, every time.
    pub const STANDARD: Self = Self {
        value_max: 256 * 1024,
        writes_max: 4_096,
        read_max: 100_000,
        due_max: 10_000,
    };

    /// Checks how many records, changes or partitions `op` asks for.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Invalid`](super::StoreErrorKind::Invalid) if it is more than
    /// [`read_max`](Self::read_max).
    pub fn check_read(&self, op: &'static str, limit: u32) -> Result<(), StoreError> {
        at_most(op, limit, self.read_max)
    }

    /// Checks how many deliveries `op` asks for.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Invalid`](super::StoreErrorKind::Invalid) if it is more than
    /// [`due_max`](Self::due_max).
    pub fn check_due(&self, op: &'static str, limit: u32) -> Result<(), StoreError> {
        at_most(op, limit, self.due_max)
    }
}

fn at_most(op: &'static str, limit: u32, most: u32) -> Result<(), StoreError> {
    if limit > most {
        return Err(StoreError::invalid(op, "the limit is too high"));
    }
    Ok(())
}

impl Batch {
    /// Checks what every store must refuse before it writes.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Invalid`](super::StoreErrorKind::Invalid) if a key is written twice, the
    /// root is deleted, a new partition has no root, a delivery stands outside its namespace or a
    /// plain record inside it, or a limit is exceeded.
    pub fn check(&self, limits: &Limits) -> Result<(), StoreError> {
        let invalid = |problem: &'static str| Err(StoreError::invalid("commit", problem));
        if self.writes.len() > limits.writes_max {
            return invalid("the batch has too many writes");
        }
        // Mostly they are in order already, and then this costs one look at each.
        if !self.writes.is_sorted_by(|one, next| one.key() < next.key()) && self.writes_twice() {
            return invalid("a key is written twice");
        }
        for write in &self.writes {
            write.check(limits)?;
        }
        let rooted = self.writes.iter().any(|write| write.key().is_root());
        if self.expect == Version::ABSENT && !rooted {
            return invalid("a new partition needs a root");
        }
        Ok(())
    }

    fn writes_twice(&self) -> bool {
        let mut keys: Vec<&Key> = self.writes.iter().map(Write::key).collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Checks that no partition stands twice among those of one
    /// [`commit_many`](super::Store::commit_many).
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Invalid`](super::StoreErrorKind::Invalid), which is then the answer to every
    /// batch.
    pub fn check_apart(batches: &[(Partition, Self)]) -> Result<(), StoreError> {
        let ids = batches.iter().map(|(partition, _)| partition.id());
        if ids.collect::<BTreeSet<_>>().len() < batches.len() {
            let problem = "a partition is written twice";
            return Err(StoreError::invalid("commit_many", problem));
        }
        Ok(())
    }
}

impl Write {
    fn check(&self, limits: &Limits) -> Result<(), StoreError> {
        let problem = match self {
            Self::Put { key, .. } if key.is_delivery() => "a delivery record needs a due time",
            Self::Deliver { key, .. } if key.delivery_kind().is_none() => {
                "a delivery key is not of the form ~o/kind/id or ~t/kind/id"
            }
            Self::Put { value, .. } | Self::Deliver { value, .. }
                if value.len() > limits.value_max =>
            {
                "a value is too long"
            }
            Self::Delete { key } if key.is_root() => "the root cannot be deleted",
            _ => return Ok(()),
        };
        Err(StoreError::invalid("commit", problem))
    }
}
