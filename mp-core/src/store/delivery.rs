use std::time::Duration;

use bytes::Bytes;

use super::{Key, Partition, SlotSet, Version};
use crate::clock::Timestamp;

/// The longest error text kept with a delivery, in bytes; a longer one is cut.
pub const DELIVERY_ERROR_LENGTH_MAX: usize = 500;

/// Asks a store for work that is due.
#[derive(Clone, Debug)]
pub struct DueQuery {
    /// The slots to look in.
    pub slots: SlotSet,
    /// The one kind of work to look for.
    pub kind: String,
    /// Work with `due_at` at or before this is due.
    pub now: Timestamp,
    /// For how long the work is leased: it is due again at `now + lease` unless settled.
    pub lease: Duration,
    /// The most deliveries returned, the longest due first.
    pub limit: u32,
}

/// A delivery record that was leased, or lies dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands.
    pub partition: Partition,
    /// Its key, `~o/{kind}/{id}` or `~t/{kind}/{id}`.
    pub key: Key,
    /// The head version that last wrote it.
    pub version: Version,
    /// The message.
    pub value: Bytes,
    /// Since when it had been due, before it was leased: where an earlier lease ran out, since then.
    pub due_at: Timestamp,
    /// Until when it is leased, together with the version the fence that
    /// [`settle`](super::Store::settle) checks; `None` if it lies dead.
    pub lease: Option<Timestamp>,
    /// How many times it was leased since it was last written or re-driven, this time included.
    pub attempts: u32,
    /// The error of the last attempt.
    pub last_error: Option<String>,
}

impl Delivery {
    /// Returns the settlement of this delivery with `outcome`.
    #[must_use]
    pub fn settle(&self, outcome: Outcome) -> Settle {
        Settle {
            partition: self.partition.clone(),
            key: self.key.clone(),
            version: self.version,
            lease: self.lease,
            outcome,
        }
    }
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done: the record is removed.
    Done,
    /// It is due again at a later time, its attempts kept.
    Again {
        /// When.
        at: Timestamp,
        /// Why, if something failed; takes the place of the last error.
        error: Option<String>,
    },
    /// It is given up: kept, never due, listed by [`dead`](super::Store::dead).
    Dead {
        /// Why.
        error: String,
    },
    /// It is due again at a later time with its attempts counted anew, its last error kept.
    Redrive {
        /// When.
        at: Timestamp,
    },
}

impl Outcome {
    /// Returns the error as a store keeps it, cut between two characters to at most
    /// [`DELIVERY_ERROR_LENGTH_MAX`] bytes.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Again { error, .. } => error.as_deref().map(cut),
            Self::Dead { error } => Some(cut(error)),
            Self::Done | Self::Redrive { .. } => None,
        }
    }
}

/// Settles one delivery, if its fence still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Where it stands.
    pub partition: Partition,
    /// Its key.
    pub key: Key,
    /// The version that was leased.
    pub version: Version,
    /// The lease that was given; `None` for a dead delivery.
    pub lease: Option<Timestamp>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// Cuts an error text to what is kept, between two characters.
pub(super) fn cut(error: &str) -> &str {
    &error[..error.floor_char_boundary(DELIVERY_ERROR_LENGTH_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_cut_between_two_characters() {
        let dead = |error: String| Outcome::Dead { error };
        let long = dead("x".to_owned() + &"é".repeat(DELIVERY_ERROR_LENGTH_MAX));
        let kept = long.error().expect("the dead have an error");
        assert_eq!(kept.len(), DELIVERY_ERROR_LENGTH_MAX - 1);
        assert!(kept.ends_with('é'));
        assert_eq!(dead("no answer".to_owned()).error(), Some("no answer"));
    }

    #[test]
    fn what_went_well_has_no_error() {
        let at = Timestamp::MIN;
        let again = |error: Option<&str>| Outcome::Again {
            at,
            error: error.map(str::to_owned),
        };
        assert_eq!(again(Some("no answer")).error(), Some("no answer"));
        for outcome in [Outcome::Done, again(None), Outcome::Redrive { at }] {
            assert_eq!(outcome.error(), None, "{outcome:?}");
        }
    }
}
