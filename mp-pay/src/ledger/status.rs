use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a transfer stands.
///
/// ```text
///                ┌────────────── one book, one phase ──────────────────────┐
///  (asked) ──▶ Moving ──held, to be posted──────────────▶ Posting ──kept──▶ Posted
///                │  └───held, two phases───▶ Pending ──post──┘ │
///                └──────────┬───────────────────┘              │
///                           ▼                                  ▼
///              Voided · Expired · Refused                    Refused
/// ```
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferStatus {
    /// It holds what it can in its home, and asks the other books.
    Moving,
    /// It holds everything, and waits to be posted or voided.
    Pending,
    /// It is posted for sure; the other books are being told.
    Posting,
    /// It moved.
    Posted,
    /// It was given up: nothing moved.
    Voided,
    /// Its time was over: nothing moved.
    Expired,
    /// Another book refused: nothing moved.
    Refused,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// What happens to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransferEvent {
    /// All books hold it, and it has two phases.
    Hold,
    /// All books hold it, and it is to be posted, whole or in part.
    Post,
    /// All books have posted it.
    Keep,
    /// Somebody gives it up.
    Void,
    /// Its time is over.
    Expire,
    /// A book refuses it.
    Refuse,
}

impl TransferStatus {
    /// Every status, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Moving,
        Self::Pending,
        Self::Posting,
        Self::Posted,
        Self::Voided,
        Self::Expired,
        Self::Refused,
        Self::Unrecognized,
    ];

    /// Returns the status after an event, or `None` if it does not happen in this one.
    #[must_use]
    pub const fn next(self, event: TransferEvent) -> Option<Self> {
        use TransferEvent::{Expire, Hold, Keep, Post, Refuse, Void};
        match (self, event) {
            (Self::Moving, Hold) => Some(Self::Pending),
            (Self::Moving | Self::Pending, Post) => Some(Self::Posting),
            (Self::Moving | Self::Pending, Void) => Some(Self::Voided),
            (Self::Moving | Self::Pending, Expire) => Some(Self::Expired),
            (Self::Moving | Self::Pending | Self::Posting, Refuse) => Some(Self::Refused),
            (Self::Posting, Keep) => Some(Self::Posted),
            _ => None,
        }
    }

    /// Returns whether nothing happens to it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Posted | Self::Voided | Self::Expired | Self::Refused
        )
    }
}

impl TransferEvent {
    /// Every event, for tables and tests.
    pub const ALL: [Self; 6] = [
        Self::Hold,
        Self::Post,
        Self::Keep,
        Self::Void,
        Self::Expire,
        Self::Refuse,
    ];
}

impl fmt::Display for TransferStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Moving => "moving",
            Self::Pending => "pending",
            Self::Posting => "posting",
            Self::Posted => "posted",
            Self::Voided => "voided",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Unrecognized => "unrecognized",
        })
    }
}

impl fmt::Display for TransferEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hold => "hold",
            Self::Post => "post",
            Self::Keep => "keep",
            Self::Void => "void",
            Self::Expire => "expire",
            Self::Refuse => "refuse",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_event_has_one_outcome() {
        use TransferStatus::{
            Expired, Moving, Pending, Posted, Posting, Refused, Unrecognized, Voided,
        };
        let none = [None; 6];
        // Hold, Post, Keep, Void, Expire, Refuse
        let open = |hold| {
            let ends = [Some(Voided), Some(Expired), Some(Refused)];
            [hold, Some(Posting), None, ends[0], ends[1], ends[2]]
        };
        let posting = [None, None, Some(Posted), None, None, Some(Refused)];
        let table = [
            (Moving, open(Some(Pending))),
            (Pending, open(None)),
            (Posting, posting),
            (Posted, none),
            (Voided, none),
            (Expired, none),
            (Refused, none),
            (Unrecognized, none),
        ];
        assert_eq!(table.map(|(status, _)| status), TransferStatus::ALL);
        for (status, row) in table {
            for (event, expected) in TransferEvent::ALL.into_iter().zip(row) {
                assert_eq!(status.next(event), expected, "{status} {event}");
            }
            let rests = row.iter().all(Option::is_none) && status != Unrecognized;
            assert_eq!(status.is_final(), rests, "{status}");
        }
    }
}
