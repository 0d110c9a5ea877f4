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
    /// Returns the key from which on to look for selected records.
    ///
    /// They follow one another: the first record that is not
    /// [contained](Self::contains) ends them.
    #[must_use]
    pub const fn first(&self) -> &Key {
        match self {
            Self::Key(key) | Self::Prefix(key) => key,
            Self::Range { from, .. } => from,
        }
    }

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

impl Changes {
    /// Cuts items to `limit` at a boundary between versions, so that asking again from the answer's
    /// head misses nothing; for those who write a [`Store`](super::Store).
    ///
    /// The items are sorted by version, then key. Not all that there are are needed: the first few,
    /// once they are more than `limit` and of more than one version, tell where to cut.
    #[must_use]
    pub fn cut(mut items: Vec<Change>, head: Version, limit: u32, lapsed: bool) -> Self {
        let limit = limit as usize;
        if items.len() <= limit {
            return Self {
                head,
                items,
                more: false,
                lapsed,
            };
        }
        let next = items[limit].version;
        let whole = items[..limit]
            .iter()
            .rposition(|change| change.version < next);
        // A single commit larger than the limit is answered whole rather than never.
        let end = whole.map_or_else(
            || {
                items
                    .iter()
                    .position(|change| change.version > next)
                    .unwrap_or(items.len())
            },
            |last| last + 1,
        );
        let more = end < items.len();
        items.truncate(end);
        let reached = if more {
            items.last().map_or(head, |change| change.version)
        } else {
            head
        };
        Self {
            head: reached,
            items,
            more,
            lapsed,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::new(text).expect(text)
    }

    #[test]
    fn selected_records_follow_one_another_from_the_first_on() {
        let mut keys = [
            "",
            "a",
            "a/1",
            "a/2",
            "a~",
            "b",
            "z",
            "~o/mail/1",
            "~t/mail/1",
        ]
        .map(key);
        keys.sort_unstable();
        let mut selections = Vec::new();
        for from in &keys {
            selections.extend([
                Selection::Key(from.clone()),
                Selection::Prefix(from.clone()),
            ]);
            selections.extend(keys.iter().map(|to| Selection::Range {
                from: from.clone(),
                to: to.clone(),
            }));
        }
        for selection in selections {
            let scanned = keys.iter().skip_while(|key| *key < selection.first());
            let scanned: Vec<_> = scanned.take_while(|key| selection.contains(key)).collect();
            let selected: Vec<_> = keys.iter().filter(|key| selection.contains(key)).collect();
            assert_eq!(scanned, selected, "{selection:?}");
        }
    }

    #[test]
    fn changes_are_cut_between_versions_however_few_are_given() {
        let change = |version, at| Change {
            key: key(at),
            version: Version(version),
            value: None,
        };
        let all = [
            change(1, "a"),
            change(1, "b"),
            change(1, "c"),
            change(2, "a"),
            change(3, "a"),
        ];
        for (limit, given, cut) in [(0, 4, 3), (1, 4, 3), (2, 4, 3), (3, 4, 3), (4, 5, 4)] {
            for given in given..=all.len() {
                let items = all[..given].to_vec();
                let changes = Changes::cut(items, Version(3), limit, false);
                assert_eq!(changes.items, all[..cut], "{limit} of {given}");
                assert_eq!(changes.head, all[cut - 1].version);
                assert!(changes.more);
            }
        }
        let whole = Changes::cut(all.to_vec(), Version(3), 5, true);
        assert_eq!(
            (whole.head, whole.more, whole.lapsed),
            (Version(3), false, true)
        );
    }
}
