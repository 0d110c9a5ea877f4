use std::fmt;

use super::IntentStatus;

/// What can happen to an intent, and where that leads.
///
#[doc = include_str!("moves.md")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IntentEvent {
    /// An attempt is opened.
    Confirm,
    /// The backend wants the payer to act.
    AwaitPayer,
    /// The backend has taken the attempt and will know later.
    Accept,
    /// The money is held, or is held still.
    Authorize,
    /// The money was taken.
    Succeed,
    /// The attempt was declined, or a person has found that what was held is not, and another may be made.
    Decline,
    /// An attempt surely took nothing, and another backend is tried in its place.
    FallOver,
    /// There may be no further attempt.
    Exhaust,
    /// The payer did not act in time, or the backend was not within reach for as long.
    Expire,
    /// More is to be held.
    Increase,
    /// What is held is being taken.
    Capture,
    /// What is left of a hold is let go, after part of it was taken.
    Close,
    /// A hold of which nothing was taken lapses or cannot be captured.
    Lapse,
    /// It is given up.
    Cancel,
    /// Taken money is being given back; also between the captures of a hold, of which some was
    /// taken.
    Refund,
}

/// The legal moves: event, the states it may happen in, and where it leads from there. All else is
/// refused.
pub(crate) const MOVES: &[(IntentEvent, &[IntentStatus], IntentStatus)] = {
    use IntentEvent as On;
    use IntentStatus::{
        Canceled, Processing, RequiresAction, RequiresCapture, RequiresConfirmation,
        RequiresPaymentMethod, Succeeded,
    };
    const UNDER_WAY: &[IntentStatus] = &[Processing, RequiresAction];
    // A success that comes after a decline has moved money all the same.
    const LATE: &[IntentStatus] = &[Processing, RequiresAction, RequiresPaymentMethod];
    // Of what is processed, only what did not reach the backend can be given up.
    const GIVEN_UP_IN: &[IntentStatus] = &[
        RequiresPaymentMethod,
        RequiresConfirmation,
        RequiresAction,
        Processing,
        RequiresCapture,
    ];
    &[
        (
            On::Confirm,
            &[RequiresPaymentMethod, RequiresConfirmation],
            Processing,
        ),
        (On::AwaitPayer, UNDER_WAY, RequiresAction),
        (On::Accept, UNDER_WAY, Processing),
        (On::Authorize, LATE, RequiresCapture),
        (
            On::Succeed,
            &[
                Processing,
                RequiresAction,
                RequiresPaymentMethod,
                RequiresCapture,
            ],
            Succeeded,
        ),
        // A hold too, once a person has found that it is none.
        (
            On::Decline,
            &[Processing, RequiresAction, RequiresCapture],
            RequiresPaymentMethod,
        ),
        (
            On::FallOver,
            &[Processing, RequiresPaymentMethod],
            Processing,
        ),
        (On::Exhaust, &[RequiresPaymentMethod], Canceled),
        (On::Expire, UNDER_WAY, RequiresPaymentMethod),
        (On::Increase, &[RequiresCapture], Processing),
        (On::Capture, &[RequiresCapture], Processing),
        (On::Close, &[RequiresCapture], Succeeded),
        (On::Lapse, &[RequiresCapture], Canceled),
        (On::Cancel, GIVEN_UP_IN, Canceled),
        (On::Refund, &[Succeeded], Succeeded),
        // Of what was captured in part, while the rest is held or being captured.
        (On::Refund, &[RequiresCapture], RequiresCapture),
        (On::Refund, &[Processing], Processing),
    ]
};

impl IntentStatus {
    /// Returns where the event leads, or `None` if it cannot happen here.
    #[must_use]
    pub fn next(self, event: IntentEvent) -> Option<Self> {
        let mut moves = MOVES.iter();
        let (.., to) = moves.find(|(on, from, _)| *on == event && from.contains(&self))?;
        Some(*to)
    }
}

impl fmt::Display for IntentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirm => "confirm",
            Self::AwaitPayer => "await the payer",
            Self::Accept => "accept an attempt",
            Self::Authorize => "authorize",
            Self::Succeed => "succeed",
            Self::Decline => "decline",
            Self::FallOver => "fall over to another backend",
            Self::Exhaust => "run out of attempts",
            Self::Expire => "expire",
            Self::Increase => "increase its hold",
            Self::Capture => "capture",
            Self::Close => "close its hold",
            Self::Lapse => "lapse",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{
        IntentEvent::{self, *},
        IntentStatus, MOVES,
    };
    use crate::intent::status::STATES;

    /// All 120 pairs, written out by hand: one column per state in the order of `STATES`, `-` refused.
    #[rustfmt::skip]
    const TABLE: [(IntentEvent, &str); 15] = [
        //             pm   conf act  proc capt canc succ ?
        (Confirm,    "proc proc -    -    -    -    -    -"),
        (AwaitPayer, "-    -    act  act  -    -    -    -"),
        (Accept,     "-    -    proc proc -    -    -    -"),
        (Authorize,  "capt -    capt capt -    -    -    -"),
        (Succeed,    "succ -    succ succ succ -    -    -"),
        (Decline,    "-    -    pm   pm   pm   -    -    -"),
        (FallOver,   "proc -    -    proc -    -    -    -"),
        (Exhaust,    "canc -    -    -    -    -    -    -"),
        (Expire,     "-    -    pm   pm   -    -    -    -"),
        (Increase,   "-    -    -    -    proc -    -    -"),
        (Capture,    "-    -    -    -    proc -    -    -"),
        (Close,      "-    -    -    -    succ -    -    -"),
        (Lapse,      "-    -    -    -    canc -    -    -"),
        (Cancel,     "canc canc canc canc canc -    -    -"),
        (Refund,     "-    -    -    proc capt -    succ -"),
    ];

    fn short(status: IntentStatus) -> &'static str {
        match status {
            IntentStatus::RequiresPaymentMethod => "pm",
            IntentStatus::RequiresConfirmation => "conf",
            IntentStatus::RequiresAction => "act",
            IntentStatus::Processing => "proc",
            IntentStatus::RequiresCapture => "capt",
            IntentStatus::Canceled => "canc",
            IntentStatus::Succeeded => "succ",
            IntentStatus::Unrecognized => "?",
        }
    }

    #[test]
    fn every_event_in_every_state_leads_where_the_table_says() {
        for (event, row) in TABLE {
            let cells: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(cells.len(), STATES.len());
            for (state, expected) in STATES.into_iter().zip(cells) {
                let next = state.next(event).map_or("-", short);
                assert_eq!(next, expected, "{event:?} in {state}");
            }
        }
        let in_table = |event| TABLE.iter().any(|(on, _)| *on == event);
        assert!(MOVES.iter().all(|(on, ..)| in_table(*on)));
    }

    #[test]
    fn terminal_is_terminal() {
        for (event, _) in TABLE {
            for state in STATES.into_iter().filter(|state| state.is_terminal()) {
                let next = state.next(event);
                assert!(
                    next.is_none_or(|next| next == state),
                    "{event:?} in {state}"
                );
            }
        }
    }

    /// Draws the moves as they stand in the documentation.
    fn drawing() -> String {
        let drawn = |event: IntentEvent, from: &[IntentStatus], to: IntentStatus| {
            let from: Vec<String> = from.iter().map(|state| format!("`{state}`")).collect();
            format!("| {event} | {} | `{to}` |\n", from.join(" "))
        };
        let mut text = String::from("| what happens | in | leads to |\n|---|---|---|\n");
        for (event, from, to) in MOVES {
            write!(text, "{}", drawn(*event, from, *to)).expect("a string takes it");
        }
        text.push_str(
            "\nEverything else is refused, and so is a refund where nothing was taken. What is `processing` \
             expires or is\ncanceled only while its charge surely did not reach the backend. There is no \
             failed state: a decline leads\nback to `requires_payment_method`. What is `canceled` or \
             `succeeded` stays so.\n",
        );
        text
    }

    #[test]
    fn the_drawing_in_the_documentation_is_the_table() {
        assert_eq!(include_str!("moves.md"), drawing());
    }
}
