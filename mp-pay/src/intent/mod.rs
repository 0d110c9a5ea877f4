//! The payment intent: one sum that one payer is to pay, through as many attempts as it takes.

mod moves;
mod status;

use std::collections::BTreeMap;

use mp_core::{
    Timestamp,
    amount::Money,
    id::{AppId, Name, UserId},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use self::moves::MOVES;
pub use self::{moves::IntentEvent, status::IntentStatus};
use crate::{
    backend::{DeclineCode, NextAction},
    method::{self, Country, PaymentMethodToken, PaymentMethodType},
    operation::OperationKey,
    settlement::SettlementMark,
};

mp_core::id_type!(
    /// Names a payment intent.
    pub IntentId, "pi"
);

/// One sum that one payer is to pay.
///
/// At most one successful charge comes of it, whatever crashes.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
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
    /// What is to be paid; more than at first if the hold was raised.
    pub amount: Money,
    /// What is held and can be captured.
    pub amount_capturable: Money,
    /// What was taken; more than the amount only if a person has found that the payer paid more.
    pub amount_received: Money,
    /// What was given back of it.
    pub amount_refunded: Money,
    /// What refunds under way will give back; never more than is left of what was taken.
    pub amount_reserved_for_refund: Money,
    /// What the payer's bank has taken back, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_disputed: Option<Money>,
    /// What it is made up of, by the names of the order's lines; refunds can be of lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<Name, Money>,
    /// Whether money is taken at once or held first.
    pub capture_method: CaptureMethod,
    /// What it is to be paid with.
    #[serde(
        default,
        deserialize_with = "method::stored::token_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub payment_method: Option<PaymentMethodToken>,
    /// Of which type that is, if the host says: routing rules may go by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, if the host says: routing rules may go by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// How many attempts were made, at most [`ATTEMPTS_MAX`](crate::attempt::ATTEMPTS_MAX).
    pub attempts: u32,
    /// The attempt that counts: the last one, unless it was given up. There is never a second one
    /// beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What the payer has to do while it is `requires_action`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// Until when what is held can be captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Timestamp>,
    /// Where the backend tells of another amount than ours: a person has to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
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
    /// Returns what is left of the money taken: no refund has claimed it and no bank disputes it.
    #[must_use]
    pub fn amount_refundable(&self) -> Money {
        let disputed = self.amount_disputed.map_or(0, Money::minor);
        let claimed = self.amount_refunded.minor() + self.amount_reserved_for_refund.minor();
        let left = self.amount_received.minor() - claimed - disputed;
        Money::new(left.max(0), self.amount.currency())
    }
}

/// The most order lines of one intent.
pub const LINES_MAX: usize = 100;

/// Where a backend tells of another amount than was asked for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Conflict {
    /// Of which operation.
    pub operation: OperationKey,
    /// What the backend says.
    pub told: Money,
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
    /// The hold was not captured in time.
    Expired,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}
