use std::{fmt, sync::Arc};

use mp_core::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::card_number::is_card_number;
use crate::text::visible_ascii;

/// Refers to a payment method that the backend keeps: a saved card, a wallet, an account.
///
/// 1 to 255 visible ASCII characters. It is no card data: what looks like a card's number is refused,
/// so that none is ever written down here. Of tokens that a vault draws from digits alone, some look
/// like one by chance: a backend for such a vault hands them out with letters before them, as
/// `vault_`, and takes these away again when it charges. What stands in a store is read as it was
/// written. Whoever holds a token may be able to charge: `Debug` does not show it.
#[derive(Clone, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct PaymentMethodToken(Arc<str>);

impl PaymentMethodToken {
    /// Checks and keeps a token.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is empty, longer than 255 bytes, not visible ASCII, or looks like the
    /// number of a card.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        if is_card_number(&text) {
            let problem =
                "is the number of a card; give a token that the payment provider made of it";
            return Err(Error::invalid("payment_method", problem));
        }
        Self::kept(text)
    }

    /// Takes a token that was written down.
    pub(super) fn kept(text: String) -> Result<Self, Error> {
        visible_ascii("payment_method", text).map(|text| Self(text.into()))
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
        token.as_str().to_owned()
    }
}

impl Serialize for PaymentMethodToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Debug for PaymentMethodToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMethodToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::stored, *};

    /// The numbers with which vendors let everybody test, of every length that is in use.
    #[test]
    fn tokens_are_no_card_numbers() {
        for number in [
            "676770000005",
            "4222222222222",
            "30569309025904",
            "378282246310005",
            "4242424242424242",
            "5555555555554444",
            "6011000990139424",
            "6200000000000005",
            "2200000000000004",
            "2223003122003222",
            "3566002020360505",
            "6799990100000000019",
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
            "42424242420",
            "42424242424242424242",
            "8415890871952836",
            "8415890871952830",
            "1000000000000008",
            "2100000000000005",
            "tok_4242424242424242",
            // Telephone numbers that check.
            "254722000000",
            "447700900007",
            "1",
        ] {
            assert!(PaymentMethodToken::new(token).is_ok(), "{token}");
        }
    }

    /// An earlier release has taken it, and the payment is to be read all the same.
    #[test]
    fn what_stands_in_a_store_is_read_whatever_is_refused_now() {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(deserialize_with = "stored::token")]
            one: PaymentMethodToken,
            #[serde(default, deserialize_with = "stored::token_if_any")]
            other: Option<PaymentMethodToken>,
            #[serde(default, deserialize_with = "stored::token_if_any")]
            none: Option<PaymentMethodToken>,
        }
        let number = "4242424242424242";
        let json = format!(r#"{{"one":"{number}","other":"{number}"}}"#);
        let stored: Stored = serde_json::from_str(&json).expect("reads");
        let other = stored.other.as_ref().map(PaymentMethodToken::as_str);
        assert_eq!((stored.one.as_str(), other), (number, Some(number)));
        assert_eq!(stored.none, None);
        assert!(serde_json::from_str::<Stored>(r#"{"one":"ü"}"#).is_err());
    }
}
