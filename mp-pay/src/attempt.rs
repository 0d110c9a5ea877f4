//! One try at charging a payer for an intent.

use mp_core::{Document, Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{method::PaymentMethodToken, operation::Operation};

/// The most attempts at one intent; the last decline cancels it.
pub const ATTEMPTS_MAX: u32 = 9;

/// One try at charging a payer, with all that the backend is asked for because of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number within the intent, from 1.
    pub number: u32,
    /// What is charged with.
    pub payment_method: PaymentMethodToken,
    /// What is charged.
    pub amount: Money,
    /// Whether the backend was asked to take the money at once.
    pub capture: bool,
    /// Until when the payer may still act, where they have to.
    pub expires_at: Timestamp,
    /// Whether it was given up before its outcome was known: what it still takes is given back.
    #[serde(default)]
    pub abandoned: bool,
    /// The charge.
    pub charge: Operation,
    /// Whether the charge that succeeded holds the money and has not taken it.
    #[serde(default)]
    pub held: bool,
    /// The capture of the hold, and how much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Capture>,
    /// Letting go of the hold, or of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Operation>,
    /// Giving back all that was taken after the attempt was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Operation>,
}

/// The capture of a hold.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Capture {
    /// How much is taken; the rest of the hold is let go.
    pub amount: Money,
    /// Its progress.
    pub operation: Operation,
}

impl Document for Attempt {
    const KIND: &'static str = "payment_attempt";
    const FORMAT: u32 = 1;
}

impl Attempt {
    pub(crate) fn open(
        number: u32,
        payment_method: PaymentMethodToken,
        amount: Money,
        capture: bool,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            number,
            payment_method,
            amount,
            capture,
            expires_at,
            abandoned: false,
            charge: Operation::planned(),
            held: false,
            captured: None,
            void: None,
            returned: None,
        }
    }

    /// Returns what the attempt takes from the payer if it takes anything.
    pub(crate) fn takes(&self) -> Money {
        self.captured
            .as_ref()
            .map_or(self.amount, |capture| capture.amount)
    }
}
