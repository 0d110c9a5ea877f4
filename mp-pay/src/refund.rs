//! Giving back what was taken.

use mp_core::{Document, Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::Operation;

mp_core::id_type!(
    /// Names a refund.
    pub RefundId, "rf"
);

/// The most refunds of one intent.
pub const REFUNDS_MAX: u32 = 99;

/// One refund of an intent. Its amount is reserved in the commit that writes it down.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Refund {
    /// Its name.
    pub id: RefundId,
    /// How much is given back.
    pub amount: Money,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// Its progress.
    pub operation: Operation,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Document for Refund {
    const KIND: &'static str = "payment_refund";
    const FORMAT: u32 = 1;
}

/// Why money is given back.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundReason {
    /// It was paid twice.
    Duplicate,
    /// It looks like fraud.
    Fraudulent,
    /// The payer asked for it.
    RequestedByCustomer,
    /// The capability that had secured the money let go of it.
    Released,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}
