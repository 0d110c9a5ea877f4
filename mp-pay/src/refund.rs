//! Giving back what was taken.

use std::collections::BTreeMap;

use mp_core::{Document, Timestamp, amount::Money, id::Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::{Heard, Operation, Stage};

mp_core::id_type!(
    /// Names a refund.
    pub RefundId, "rf"
);

/// The most refunds of one intent. What a [release](mp_core::port::Settlement::release) or an overpayment is to
/// give back beyond that is asked for once, and left to a person if it is declined.
pub const REFUNDS_MAX: u32 = 99;

/// One refund of an intent. Its amount is reserved in the commit that writes it down.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refund {
    /// Its name.
    pub id: RefundId,
    /// How much is given back.
    pub amount: Money,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// Of which of the order's lines, and how much of each; of none in particular if empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<Name, Money>,
    /// Its progress.
    pub operation: Operation,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Document for Refund {
    const KIND: &'static str = "payment_refund";
    const FORMAT: u32 = 3;
}

/// Where a refund stands, in Stripe's names.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundStatus {
    /// It is under way, or its outcome is not known.
    Pending,
    /// The payer has to do something first.
    RequiresAction,
    /// The money went back. It may still fail, and then the money is with us again.
    Succeeded,
    /// The money did not go back, or came back to us.
    Failed,
}

/// A refund as an operation answers it: with where it stands, which follows from its progress.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownRefund {
    #[serde(flatten)]
    refund: Refund,
    /// Where it stands.
    status: RefundStatus,
}

impl From<Refund> for ShownRefund {
    fn from(refund: Refund) -> Self {
        let status = refund.status();
        Self { refund, status }
    }
}

impl Refund {
    /// Returns where it stands.
    #[must_use]
    pub fn status(&self) -> RefundStatus {
        match self.operation.stage {
            Stage::Done => RefundStatus::Succeeded,
            Stage::Declined => RefundStatus::Failed,
            Stage::Pending if self.operation.heard == Some(Heard::NeedsAction) => {
                RefundStatus::RequiresAction
            }
            _ => RefundStatus::Pending,
        }
    }

    /// Returns what it has given back.
    pub(crate) fn given(&self) -> i64 {
        if self.operation.is_done() {
            self.operation.moved.unwrap_or(self.amount).minor()
        } else {
            0
        }
    }

    /// Returns what it has given back, or else was to.
    pub(crate) fn given_or_asked(&self) -> i64 {
        match self.operation.is_done() {
            true => self.given(),
            false => self.amount.minor(),
        }
    }

    /// Returns what it may still give back.
    pub(crate) fn reserved(&self) -> i64 {
        if self.operation.stage.is_known() {
            0
        } else {
            self.amount.minor()
        }
    }
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
    /// The capability that had secured the money gave back a part of it.
    GivenBack,
    /// The payer had paid more than was asked for.
    Overpaid,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}
