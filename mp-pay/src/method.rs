//! How a payer pays: a reference that the payment backend knows, never card data.

mod country;
mod method_type;

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use mp_core::{
    Error,
    id::{AppId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{country::Country, method_type::PaymentMethodType};
use crate::text::visible_ascii;

/// Refers to a payment method that the backend keeps: a saved card, a wallet, an account.
///
/// 1 to 255 visible ASCII characters. It is no card data: what looks like a card's number is refused,
/// so that none is ever written down here. Whoever holds a token may be able to charge: `Debug` does
/// not show it.
#[derive(Clone, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PaymentMethodToken(String);

impl PaymentMethodToken {
    /// Checks and keeps a token.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is empty, longer than 255 bytes, not visible ASCII, or looks like the
    /// number of a card.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = visible_ascii("payment_method", text.into())?;
        if is_card_number(&text) {
            let problem =
                "is the number of a card; give a token that the payment provider made of it";
            return Err(Error::invalid("payment_method", problem));
        }
        Ok(Self(text))
    }

    /// Returns the text, for the backend.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaymentMethodToken {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<PaymentMethodToken> for String {
    fn from(token: PaymentMethodToken) -> Self {
        token.0
    }
}

impl fmt::Debug for PaymentMethodToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMethodToken(***)")
    }
}

/// What a payer pays with, and what routing rules may go by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentMethod {
    /// What the backend is given.
    pub token: PaymentMethodToken,
    /// Of which type it is, if the host says.
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, if the host says.
    pub country: Option<Country>,
}

impl PaymentMethod {
    /// Says of which type it is.
    #[must_use]
    pub fn of_type(mut self, payment_method_type: PaymentMethodType) -> Self {
        self.payment_method_type = Some(payment_method_type);
        self
    }

    /// Says which country the payer is in.
    #[must_use]
    pub const fn in_country(mut self, country: Country) -> Self {
        self.country = Some(country);
        self
    }
}

impl From<PaymentMethodToken> for PaymentMethod {
    /// Says nothing but the token.
    fn from(token: PaymentMethodToken) -> Self {
        Self {
            token,
            payment_method_type: None,
            country: None,
        }
    }
}

/// Returns whether a text is a card's number, perhaps in groups: 13 to 19 digits whose last one
/// checks (ISO/IEC 7812-1, annex B: the Luhn formula).
fn is_card_number(text: &str) -> bool {
    let apart = |c: char| c == '-' || c == '.' || c == '_';
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|c| !apart(*c))
        .map(|c| c.to_digit(10))
        .collect();
    digits
        .is_some_and(|digits| (13..=19).contains(&digits.len()) && luhn(&digits).is_multiple_of(10))
}

/// Returns the sum of the digits, every second one from the right doubled, digit by digit.
fn luhn(digits: &[u32]) -> u32 {
    let weighed = |(at, digit): (usize, &u32)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled @ 0..=9) => doubled,
        (_, doubled) => doubled - 9,
    };
    digits.iter().rev().enumerate().map(weighed).sum()
}

/// Knows what a payer pays with when another capability asks for their money; the host supplies it.
///
/// # Contract
/// 1. *Steady.* The answer may change between payments; within one it is asked for once.
#[async_trait]
pub trait PaymentMethods: fmt::Debug + Send + Sync + 'static {
    /// Returns the payer's payment method, `None` if they have none.
    ///
    /// # Errors
    ///
    /// Any; the payment is asked for again later.
    async fn method_of(&self, app: &AppId, payer: &UserId) -> Result<Option<PaymentMethod>, Error>;
}

/// Payment methods held in memory: one for everybody, or one per user.
#[derive(Clone, Debug, Default)]
pub struct FixedMethods {
    everybody: Option<PaymentMethod>,
    by_user: BTreeMap<UserId, PaymentMethod>,
}

impl FixedMethods {
    /// Gives everybody the same payment method.
    #[must_use]
    pub fn everybody(method: impl Into<PaymentMethod>) -> Self {
        Self {
            everybody: Some(method.into()),
            by_user: BTreeMap::new(),
        }
    }

    /// Gives one user a payment method of their own.
    #[must_use]
    pub fn with(mut self, user: UserId, method: impl Into<PaymentMethod>) -> Self {
        self.by_user.insert(user, method.into());
        self
    }
}

#[async_trait]
impl PaymentMethods for FixedMethods {
    async fn method_of(&self, _: &AppId, payer: &UserId) -> Result<Option<PaymentMethod>, Error> {
        let own = self.by_user.get(payer).or(self.everybody.as_ref());
        Ok(own.cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers with which vendors let everybody test, of every length that is in use.
    #[test]
    fn tokens_are_no_card_numbers() {
        for number in [
            "4222222222222",
            "30569309025904",
            "378282246310005",
            "4242424242424242",
            "5555555555554444",
            "6011000990139424",
            "6759649826438453003",
            "4242-4242-4242-4242",
            "3782.822463.10005",
        ] {
            let refused = PaymentMethodToken::new(number).expect_err(number);
            let said = format!("{refused} {refused:?}");
            assert!(!said.contains(&number[..6]), "the refusal tells the number");
            let json = format!("\"{number}\"");
            assert!(serde_json::from_str::<PaymentMethodToken>(&json).is_err());
        }
    }

    #[test]
    fn numbers_that_are_no_cards_are_tokens() {
        for token in [
            "4242424242424241",
            "424242424242",
            "42424242424242424242",
            "tok_4242424242424242",
            "1",
        ] {
            assert!(PaymentMethodToken::new(token).is_ok(), "{token}");
        }
    }
}
