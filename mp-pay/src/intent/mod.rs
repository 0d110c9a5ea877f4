//! The payment intent: one sum that one payer is to pay, through as many attempts as it takes.

mod status;

use mp_core::{
    Timestamp,
    amount::Money,
    id::{AppId, UserId},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::status::{IntentEvent, IntentStatus};
use crate::{
    backend::{DeclineCode, NextAction},
    method::PaymentMethodToken,
    settlement::SettlementMark,
};

mp_core::id_type!(
    /// Names a payment intent.
    pub IntentId, "pi"
);

/// One sum that one payer is to pay.
///
/// At most one successful charge comes of it, whatever crashes.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PaymentIntent {
    /// Its name.
    pub id: IntentId,
    /// The app that is paid.
    pub app: AppId,
    /// Who pays.
    pub owner: UserId,
    /// Where it stands.
    pub status: IntentStatus,
    /// What is to be paid.
    pub amount: Money,
    /// What is held and can be captured.
    pub amount_capturable: Money,
    /// What was taken; at most the amount.
    pub amount_received: Money,
    /// What was given back of it.
    pub amount_refunded: Money,
    /// What refunds under way will give back; never more than is left of what was taken.
    pub amount_reserved_for_refund: Money,
    /// Whether money is taken at once or held first.
    pub capture_method: CaptureMethod,
    /// What it is to be paid with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethodToken>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// How many attempts were made, at most [`ATTEMPTS_MAX`](crate::attempt::ATTEMPTS_MAX).
    pub attempts: u32,
    /// The attempt that is open or has succeeded; there is never a second one beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What the payer has to do while it is `requires_action`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// Why the last attempt was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<DeclineCode>,
    /// Why it was canceled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<CancellationReason>,
    /// The settlement it was made for, if another capability asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<SettlementMark>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

impl PaymentIntent {
    /// Returns what is left of the money taken, and no refund has claimed.
    #[must_use]
    pub fn amount_refundable(&self) -> Money {
        let claimed = self.amount_refunded.minor() + self.amount_reserved_for_refund.minor();
        Money::new(
            self.amount_received.minor() - claimed,
            self.amount.currency(),
        )
    }
}

/// Whether money is taken at once or held first.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// Confirming takes the money.
    #[default]
    Automatic,
    /// Confirming holds the money; capturing takes it. Needs a backend with separate capture.
    Manual,
}

/// Why an intent was canceled.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CancellationReason {
    /// It was created twice.
    Duplicate,
    /// It looks like fraud.
    Fraudulent,
    /// The payer asked for it.
    RequestedByCustomer,
    /// The payer walked away.
    Abandoned,
    /// No further attempt was left, or the hold could not be captured.
    Automatic,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}
