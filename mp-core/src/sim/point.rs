use std::fmt;

use crate::store::{Batch, Partition, Version};

/// A kind of call that changes something: where faults strike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WritePoint {
    /// What is done.
    pub act: Act,
    /// To what: the kind of a partition (its second segment), the kind of work, or the name that
    /// was given to a call on the [outside](super::Process::outside).
    pub of: String,
}

/// What is done at a [`WritePoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Act {
    /// A commit makes a partition.
    Create,
    /// A commit moves a partition's head.
    Update,
    /// Commits of several partitions go in one call.
    CommitMany,
    /// Due work is leased.
    Lease,
    /// Work that was handled is settled.
    Settle,
    /// Something outside of the store is called.
    Outside,
}

impl WritePoint {
    pub(super) fn commit(partition: &Partition, batch: &Batch) -> Self {
        let act = if batch.expect == Version::ABSENT {
            Act::Create
        } else {
            Act::Update
        };
        Self::new(act, kind_of(partition))
    }

    pub(super) fn new(act: Act, of: &str) -> Self {
        let of = of.to_owned();
        Self { act, of }
    }
}

fn kind_of(partition: &Partition) -> &str {
    partition.id().split('/').nth(1).unwrap_or_default()
}

impl fmt::Display for WritePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = match self.act {
            Act::Create => "create",
            Act::Update => "update",
            Act::CommitMany => "commit many",
            Act::Lease => "lease",
            Act::Settle => "settle",
            Act::Outside => "outside",
        };
        f.pad(&format!("{act} {}", self.of))
    }
}
