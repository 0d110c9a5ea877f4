//! One try at charging a payer for an intent.

mod elsewhere;
mod funds;
mod operations;
mod stored;

use std::{collections::BTreeMap, time::Duration};

use mp_core::{Document, Timestamp, amount::Money, id::Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    backend::NextAction,
    capture::Capture,
    journal::Confirmed,
    method::{self, Country, PaymentMethodToken, PaymentMethodType},
    operation::Operation,
};

/// The most attempts at one intent; the last decline cancels it.
pub const ATTEMPTS_MAX: u32 = 9;

/// The most increases of one hold, as at Stripe; those that were declined count.
pub const INCREASES_MAX: u32 = 10;

/// How often a hold is let go of: once when the attempt is given up, and once more if that was
/// declined because there was no hold yet.
pub(crate) const VOIDS_MAX: usize = 2;

/// One try at charging a payer, with all that the backend is asked for because of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number within the intent, from 1.
    pub number: u32,
    /// Which backend it went to, with everything that is asked because of it; the only one there
    /// is, or was, if it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Name>,
    /// The attempt whose place it took, where that could not be made or was declined elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// What is charged with.
    #[serde(deserialize_with = "method::stored::token")]
    pub payment_method: PaymentMethodToken,
    /// Of which type that is, as it was routed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, as it was routed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What is charged.
    pub amount: Money,
    /// Whether the backend was asked to take the money at once.
    pub capture: bool,
    /// Until when the payer may still act, where they have to.
    pub expires_at: Timestamp,
    /// Whether it was given up: what it still takes is given back.
    #[serde(default)]
    pub abandoned: bool,
    /// Whether what was still held was let go of, after part of it was taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// The charge.
    pub charge: Operation,
    /// What the charge came to, once it has happened.
    #[serde(
        default,
        alias = "held",
        deserialize_with = "stored::funds",
        skip_serializing_if = "Option::is_none"
    )]
    pub funds: Option<Funds>,
    /// What the backend wants the payer to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// For how many seconds after it was sent the charge is held, unless the backend tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u64>,
    /// When the hold lapses, as the backend has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Timestamp>,
    /// The raises of the hold, by number from 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub increases: BTreeMap<u32, Increase>,
    /// The captures of the hold, by number from 1.
    #[serde(
        default,
        alias = "captured",
        deserialize_with = "stored::one_or_many",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub captures: BTreeMap<u32, Capture>,
    /// Letting go of the hold, or of the attempt, by number from 1.
    #[serde(
        default,
        alias = "void",
        deserialize_with = "stored::one_or_many",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub voids: BTreeMap<u32, Operation>,
    /// Giving back what was taken after the attempt was given up, by number from 1.
    #[serde(
        default,
        alias = "returned",
        deserialize_with = "stored::returns",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub returns: BTreeMap<u32, Return>,
}

/// What a charge came to.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Funds {
    /// The money is held, and is taken by captures.
    Held,
    /// The money was taken at once.
    Taken,
}

/// One raise of a hold.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Increase {
    /// What is to be held in all.
    pub total: Money,
    /// Its progress.
    pub operation: Operation,
}

/// Giving back what an attempt took after it was given up.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Return {
    /// How much; the first format did not say, and meant everything that the attempt took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Its progress.
    pub operation: Operation,
}

impl Document for Attempt {
    const KIND: &'static str = "payment_attempt";
    const FORMAT: u32 = 3;
}

impl Attempt {
    pub(crate) fn open(
        number: u32,
        payment_method: PaymentMethodToken,
        amount: Money,
        confirmed: &Confirmed,
    ) -> Self {
        Self {
            number,
            backend: confirmed.backend.clone(),
            after: None,
            payment_method,
            payment_method_type: confirmed.payment_method_type.clone(),
            country: confirmed.country,
            amount,
            capture: confirmed.capture,
            expires_at: confirmed.expires_at,
            abandoned: false,
            closed: false,
            charge: Operation::planned(),
            funds: None,
            next_action: None,
            hold_seconds: confirmed.hold_seconds,
            hold_expires_at: None,
            increases: BTreeMap::new(),
            captures: BTreeMap::new(),
            voids: BTreeMap::new(),
            returns: BTreeMap::new(),
        }
    }

    /// Returns when the hold lapses: as the backend has told, else as long after the charge was
    /// first sent as holds stand there.
    #[must_use]
    pub fn hold_deadline(&self) -> Option<Timestamp> {
        let counted = || {
            let life = Duration::from_secs(self.hold_seconds?);
            Some(self.charge.first_sent_at?.plus(life))
        };
        self.hold_expires_at.or_else(counted)
    }

    /// Plans to let go of the hold, or of the attempt.
    pub(crate) fn plan_void(&mut self) {
        self.voids.insert(next(&self.voids), Operation::planned());
    }

    pub(crate) fn plan_capture(&mut self, amount: Money, last: bool) {
        let capture = Capture::planned(amount, last);
        self.captures.insert(next(&self.captures), capture);
    }

    pub(crate) fn plan_increase(&mut self, total: Money) {
        let operation = Operation::planned();
        let increase = Increase { total, operation };
        self.increases.insert(next(&self.increases), increase);
    }

    pub(crate) fn plan_return(&mut self, amount: Money) {
        let (amount, operation) = (Some(amount), Operation::planned());
        let planned = Return { amount, operation };
        self.returns.insert(next(&self.returns), planned);
    }
}

/// Returns the number after the last one.
fn next<T>(numbered: &BTreeMap<u32, T>) -> u32 {
    numbered
        .last_key_value()
        .map_or(1, |(last, _)| last.saturating_add(1))
}
