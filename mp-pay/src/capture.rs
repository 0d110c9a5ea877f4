//! Taking what is held, all at once or in parts.

use mp_core::amount::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::Operation;

/// The most captures of one hold, as at Stripe.
pub const CAPTURES_MAX: u32 = 50;

/// One capture of a hold. Its amount is reserved in the commit that writes it down.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capture {
    /// How much is taken.
    pub amount: Money,
    /// Whether it is the last: the rest of the hold is let go.
    #[serde(default = "only")]
    pub last: bool,
    /// Its progress.
    pub operation: Operation,
}

/// The first format knew one capture, which let go of the rest.
const fn only() -> bool {
    true
}

impl Capture {
    pub(crate) const fn planned(amount: Money, last: bool) -> Self {
        Self {
            amount,
            last,
            operation: Operation::planned(),
        }
    }

    /// Returns what it has taken.
    pub(crate) fn taken(&self) -> i64 {
        if self.operation.is_done() {
            self.operation.moved.unwrap_or(self.amount).minor()
        } else {
            0
        }
    }

    /// Returns what it may still take.
    pub(crate) fn reserved(&self) -> i64 {
        if self.operation.stage.is_known() {
            0
        } else {
            self.amount.minor()
        }
    }
}
