use std::ops::Add;

use bytes::Bytes;

use super::{CommitId, Key};
use crate::clock::Timestamp;

/// Counts the commits of one partition: zero before the first, then always growing.
///
/// A partition's first version is the microseconds of its first commit, so that a partition that
/// was pruned and made anew never repeats a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version of a partition that does not exist.
    pub const ABSENT: Self = Self(0);

    /// Returns the version that a commit at `at` on top of `self` makes.
    #[must_use]
    pub fn next(self, at: Timestamp) -> Self {
        match self {
            Self::ABSENT => Self(at.as_micros().unsigned_abs().max(1)),
            Self(version) => Self(version.add(1)),
        }
    }
}

/// Names records of one partition that a read returns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// The record at this key.
    Key(Key),
    /// Every record whose key starts with this.
    Prefix(Key),
    /// Every record from the first key on, before the second.
    Range {
        /// The first key that is included.
        from: Key,
        /// The first key that is not.
        to: Key,
    },
}

impl Selection {
    /// Returns whether a record at `key` is selected; delivery records never are.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        !key.is_delivery()
            && match self {
                Self::Key(wanted) => key == wanted,
                Self::Prefix(prefix) => key.as_str().starts_with(prefix.as_str()),
                Self::Range { from, to } => from <= key && key < to,
            }
    }
}

/// What a read asks for: the root always, and the selected records up to a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The records wanted beside the root, as a union.
    pub select: Vec<Selection>,
    /// The most records returned beside the root.
    pub limit: u32,
}

/// One record as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key inside the partition.
    pub key: Key,
    /// The head version that last wrote it.
    pub version: Version,
    /// Its value: JSON text.
    pub value: Bytes,
}

/// One snapshot of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The head version; [`Version::ABSENT`] if the partition does not exist.
    pub head: Version,
    /// The commit that made this head.
    pub commit_id: CommitId,
    /// When that commit was made, by its caller's clock; it never runs back inside a partition.
    pub at: Timestamp,
    /// The root first, then the selected records in key order, each once.
    pub records: Vec<Record>,
    /// Whether the limit cut the answer short.
    pub more: bool,
}

/// What changed in a partition after a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The head version that the answer reaches to; ask again from here.
    pub head: Version,
    /// Puts and deletes, by version, then key; only the last of each key.
    pub items: Vec<Change>,
    /// Whether the limit cut the answer short: apply it, then ask again from [`head`](Self::head).
    pub more: bool,
    /// Whether deletions after `since` may have been forgotten: read everything again.
    pub lapsed: bool,
}

/// One record's last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record's key.
    pub key: Key,
    /// The head version that made the change.
    pub version: Version,
    /// The new value; `None` if the record was deleted.
    pub value: Option<Bytes>,
}
