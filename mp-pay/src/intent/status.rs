use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a payment intent stands, in Stripe's names.
///
/// ```text
///                    ┌──────────── decline ──────────────┐
///                    ▼                                   │
///    create ─▶ requires_payment_method ── confirm ─▶ processing ◀── accept ──┐
///       │                                  ▲  │ ▲       │ │                  │
///       └────▶ requires_confirmation ──────┘  │ │       │ └─ await_payer ─▶ requires_action
///                                             │ │       │                    │ (every way out
///                       ┌──── authorize ──────┘ │       │                    │  of processing
///                       ▼                       │       │                    │  is one of
///               requires_capture ──── capture ──┘       │                    │  requires_action)
///                                                       │
///                        succeeded ◀──── succeed ───────┘
///                            │ ▲
///                            └─┘ refund
///
///    canceled ◀── cancel: from every state in which no money is moving
///    canceled ◀── exhaust: from processing and requires_action, when no further attempt is left
/// ```
///
/// There is no failed state: a decline returns the intent to `requires_payment_method`. What is
/// `canceled` or `succeeded` stays so.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntentStatus {
    /// It needs a payment method: none was given, or the last one was declined.
    RequiresPaymentMethod,
    /// It has a payment method and can be confirmed.
    RequiresConfirmation,
    /// The payer has to do something first: see
    /// [`next_action`](crate::PaymentIntent::next_action).
    RequiresAction,
    /// The backend was asked and its answer is not known yet.
    Processing,
    /// The money is held and can be captured.
    RequiresCapture,
    /// It will not be paid; what was held is let go.
    Canceled,
    /// The money was taken.
    Succeeded,
    /// A newer release wrote it; nothing moves on from it here.
    #[serde(other)]
    Unrecognized,
}

/// What can happen to an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IntentEvent {
    /// An attempt is opened.
    Confirm,
    /// The backend wants the payer to act.
    AwaitPayer,
    /// The backend has taken the attempt and will know later.
    Accept,
    /// The money is held.
    Authorize,
    /// The money was taken.
    Succeed,
    /// The attempt was declined, and another may be made.
    Decline,
    /// The attempt was declined, and it was the last.
    Exhaust,
    /// What is held is being taken.
    Capture,
    /// It is given up.
    Cancel,
    /// Taken money is being given back.
    Refund,
}

/// The legal moves: event, the states it may happen in, and where it leads. All else is refused.
pub(crate) const MOVES: &[(IntentEvent, &[IntentStatus], IntentStatus)] = {
    use IntentEvent as On;
    use IntentStatus::{
        Canceled, Processing, RequiresAction, RequiresCapture, RequiresConfirmation,
        RequiresPaymentMethod, Succeeded,
    };
    const UNDER_WAY: &[IntentStatus] = &[Processing, RequiresAction];
    const AT_REST: &[IntentStatus] = &[
        RequiresPaymentMethod,
        RequiresConfirmation,
        RequiresAction,
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
        (On::Authorize, UNDER_WAY, RequiresCapture),
        (On::Succeed, UNDER_WAY, Succeeded),
        (On::Decline, UNDER_WAY, RequiresPaymentMethod),
        (On::Exhaust, UNDER_WAY, Canceled),
        (On::Capture, &[RequiresCapture], Processing),
        (On::Cancel, AT_REST, Canceled),
        (On::Refund, &[Succeeded], Succeeded),
    ]
};

impl IntentStatus {
    /// Returns where the event leads, or `None` if it cannot happen here.
    #[must_use]
    pub fn next(self, event: IntentEvent) -> Option<Self> {
        let (_, from, to) = MOVES.iter().find(|(on, ..)| *on == event)?;
        from.contains(&self).then_some(*to)
    }

    /// Returns whether the intent's status can change no more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Canceled | Self::Succeeded)
    }
}

impl fmt::Display for IntentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
            Self::Unrecognized => "unrecognized",
        })
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
            Self::Exhaust => "run out of attempts",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        IntentEvent::{self, *},
        IntentStatus,
    };

    const STATES: [IntentStatus; 8] = [
        IntentStatus::RequiresPaymentMethod,
        IntentStatus::RequiresConfirmation,
        IntentStatus::RequiresAction,
        IntentStatus::Processing,
        IntentStatus::RequiresCapture,
        IntentStatus::Canceled,
        IntentStatus::Succeeded,
        IntentStatus::Unrecognized,
    ];

    /// All 80 pairs, written out by hand: one column per state in the order above, `-` refused.
    #[rustfmt::skip]
    const TABLE: [(IntentEvent, &str); 10] = [
        //             pm   conf act  proc capt canc succ ?
        (Confirm,    "proc proc -    -    -    -    -    -"),
        (AwaitPayer, "-    -    act  act  -    -    -    -"),
        (Accept,     "-    -    proc proc -    -    -    -"),
        (Authorize,  "-    -    capt capt -    -    -    -"),
        (Succeed,    "-    -    succ succ -    -    -    -"),
        (Decline,    "-    -    pm   pm   -    -    -    -"),
        (Exhaust,    "-    -    canc canc -    -    -    -"),
        (Capture,    "-    -    -    -    proc -    -    -"),
        (Cancel,     "canc canc canc -    canc -    -    -"),
        (Refund,     "-    -    -    -    -    -    succ -"),
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
        assert_eq!(TABLE.len(), super::MOVES.len());
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

    #[test]
    fn the_text_of_a_status_is_its_json() {
        for state in STATES {
            let json = serde_json::to_value(state).expect("serialises");
            assert_eq!(json, state.to_string());
            let read: IntentStatus = serde_json::from_value(json).expect("reads");
            assert_eq!(read, state);
        }
        let newer: IntentStatus = serde_json::from_str(r#""requires_luck""#).expect("reads");
        assert_eq!(newer, IntentStatus::Unrecognized);
    }
}
