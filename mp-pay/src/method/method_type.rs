use std::{fmt, str::FromStr, sync::Arc};

use mp_core::Error;

/// Names a type of payment method, such as `card`, `wechat_pay` or `ideal`.
///
/// 1 to 32 of `a-z 0-9 _`, as Stripe names its types. The words are the host's: its routing rules
/// match them, and no backend is told.
///
/// ```
/// use mp_pay::method::PaymentMethodType;
///
/// let card: PaymentMethodType = "card".parse()?;
/// assert_eq!(card.as_str(), "card");
/// assert!("Card".parse::<PaymentMethodType>().is_err());
/// # Ok::<(), mp_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentMethodType(Arc<str>);

impl PaymentMethodType {
    /// The longest text, in bytes.
    pub const LENGTH_MAX: usize = 32;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PaymentMethodType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if fits && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Error::invalid("payment_method_type", EXPECTED))
        }
    }
}

impl fmt::Display for PaymentMethodType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const EXPECTED: &str = "is not a type of 1 to 32 of a-z 0-9 _ such as card";

mp_core::text_form!(PaymentMethodType, expected: EXPECTED, pattern: "^[a-z0-9_]{1,32}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_short_word_in_small_letters() {
        let longest = "x".repeat(PaymentMethodType::LENGTH_MAX);
        for text in ["card", "wechat_pay", "p24", &longest] {
            let read: PaymentMethodType = text.parse().expect("a type");
            assert_eq!(read.to_string(), text);
        }
        let longer = format!("{longest}x");
        for text in ["", "Card", "we-chat", "card ", "ä", &longer] {
            let refused = text.parse::<PaymentMethodType>().expect_err("refused");
            assert_eq!(refused.field(), Some("payment_method_type"), "{text}");
        }
    }
}
