use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a payment intent stands, in Stripe's names.
///
/// ```text
///   create ─▶ requires_payment_method ◀── decline, expire ──┐
///      │            │ confirm                               │
///      ▼            ▼                                       │
///   requires_confirmation ── confirm ─▶ processing ◀─▶ requires_action
///                                       │  ▲   │
///             authorize ────────────────┘  │   └──────── succeed ─▶ succeeded ⟲ refund
///                 ▼                        │                            ▲
///           requires_capture ⟲ refund ── capture, increase              │
///                 └────────────────── close ────────────────────────────┘
///
///   canceled ◀── cancel, exhaust, lapse
/// ```
///
/// Every move, as the code has it, is drawn at [`IntentEvent`](super::IntentEvent).
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

impl IntentStatus {
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

/// Every state, in the order of the tables that are held to be complete.
#[cfg(test)]
pub(super) const STATES: [IntentStatus; 8] = [
    IntentStatus::RequiresPaymentMethod,
    IntentStatus::RequiresConfirmation,
    IntentStatus::RequiresAction,
    IntentStatus::Processing,
    IntentStatus::RequiresCapture,
    IntentStatus::Canceled,
    IntentStatus::Succeeded,
    IntentStatus::Unrecognized,
];

#[cfg(test)]
mod tests {
    use super::*;

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
