use mp_core::{Document, Timestamp, label::Label};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, BookId, Leg, MOVING_MAX, Transfer, TransferId, TransferStatus};

/// What a transfer that stands in another book holds in this one, or held.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Hold {
    /// The book that the transfer stands in.
    pub home: BookId,
    /// The transfer.
    pub transfer: TransferId,
    /// What it does here.
    pub legs: Vec<Leg>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Label>,
    /// Where it stands.
    pub state: HoldState,
    /// How much was posted of its only leg, if that was not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted_part: Option<i64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// When it came to stand where it does.
    pub changed_at: Timestamp,
}

impl Document for Hold {
    const KIND: &'static str = "ledger_hold";
    const FORMAT: u32 = 1;
}

impl Hold {
    /// Returns whether nothing more will be asked of it, by the transfer that stands in its home;
    /// `None` is one that was closed, for which it had to be over.
    #[must_use]
    pub(super) fn is_over(&self, transfer: Option<&Transfer>) -> bool {
        let Some(transfer) = transfer else {
            return true;
        };
        if !transfer.status.is_final() {
            return false;
        }
        // One that was made later has the id of the one that was closed.
        let another = self.changed_at < transfer.created_at.minus(MOVING_MAX);
        match self.state {
            _ if another => true,
            HoldState::Kept => transfer.status == TransferStatus::Posted,
            HoldState::LetGo | HoldState::Refused => true,
            _ => false,
        }
    }
}

/// Where a hold stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldState {
    /// It was never asked for.
    #[serde(skip)]
    Absent,
    /// It is held.
    Held,
    /// It was posted.
    Kept,
    /// It was let go of, or undone after it was posted.
    LetGo,
    /// It could not be held.
    Refused,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// What is asked of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HoldEvent {
    /// To be held.
    Reserve,
    /// To be posted.
    Confirm,
    /// To be let go of.
    Release,
}

/// What comes of asking a hold for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HoldStep {
    /// Nothing changes: it is as was asked.
    Stays,
    /// Nothing changes: it is refused.
    Refuses,
    /// Only its state changes, and no balance.
    Notes(HoldState),
    /// An entry of this kind is made for each leg.
    Writes(Act, HoldState),
}

impl HoldState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 6] = [
        Self::Absent,
        Self::Held,
        Self::Kept,
        Self::LetGo,
        Self::Refused,
        Self::Unrecognized,
    ];

    /// Returns what comes of asking for something. What a newer release wrote is not touched,
    /// and whoever asks for it is told to ask again, not that it is refused.
    ///
    /// ```text
    ///          Reserve    Confirm    Release
    /// Absent   holds      refuses    let go
    /// Held     stays      posts      lets go
    /// Kept     stays      stays      undoes
    /// LetGo    refuses    refuses    stays
    /// Refused  refuses    refuses    stays
    /// ```
    #[must_use]
    pub const fn next(self, event: HoldEvent) -> HoldStep {
        use HoldEvent::{Confirm, Release, Reserve};
        match (self, event) {
            (Self::Absent, Reserve) => HoldStep::Writes(Act::Pending, Self::Held),
            (Self::Absent, Release) => HoldStep::Notes(Self::LetGo),
            (Self::Held, Confirm) => HoldStep::Writes(Act::PostedPending, Self::Kept),
            (Self::Held, Release) => HoldStep::Writes(Act::VoidedPending, Self::LetGo),
            (Self::Kept, Release) => HoldStep::Writes(Act::Undone, Self::LetGo),
            (Self::Held | Self::Kept, Reserve)
            | (Self::Kept, Confirm)
            | (Self::LetGo | Self::Refused, Release) => HoldStep::Stays,
            (Self::Absent | Self::LetGo | Self::Refused, Confirm)
            | (Self::LetGo | Self::Refused, Reserve)
            | (Self::Unrecognized, _) => HoldStep::Refuses,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hold_and_request_has_one_outcome() {
        use HoldState::{Absent, Held, Kept, LetGo, Refused, Unrecognized};
        use HoldStep::{Notes, Refuses, Stays, Writes};
        let events = [HoldEvent::Reserve, HoldEvent::Confirm, HoldEvent::Release];
        let table = [
            (Absent, [Writes(Act::Pending, Held), Refuses, Notes(LetGo)]),
            (
                Held,
                [
                    Stays,
                    Writes(Act::PostedPending, Kept),
                    Writes(Act::VoidedPending, LetGo),
                ],
            ),
            (Kept, [Stays, Stays, Writes(Act::Undone, LetGo)]),
            (LetGo, [Refuses, Refuses, Stays]),
            (Refused, [Refuses, Refuses, Stays]),
            (Unrecognized, [Refuses; 3]),
        ];
        assert_eq!(table.map(|(state, _)| state), HoldState::ALL);
        for (state, row) in table {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event), expected, "{state:?} {event:?}");
            }
        }
    }
}
