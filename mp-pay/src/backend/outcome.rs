use std::{fmt, sync::Arc};

use mp_core::{
    Error, Timestamp,
    amount::{JSON_INTEGER_MAX, Money},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::NextAction;
use crate::text::visible_ascii;

/// Declares a text that a backend chose: 1 to 255 visible ASCII characters.
macro_rules! backend_text {
    ($(#[$attribute:meta])* $type:ident, $field:literal) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[serde(try_from = "String")]
        #[schemars(with = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks and keeps the text.
            ///
            /// # Errors
            ///
            /// `invalid_field` if it is empty, longer than 255 bytes, or not visible ASCII.
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                visible_ascii($field, text.into()).map(|text| Self(text.into()))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.as_str().to_owned()
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

backend_text!(
    /// The backend's own name for something it did.
    Reference,
    "reference"
);

impl Reference {
    /// Returns whether it reads the same wherever it is put, as in the path of an address: a stranger
    /// may have made it up.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let name = self.as_str();
        name.bytes().all(plain) && !name.starts_with('.') && !name.contains("..")
    }
}

backend_text!(
    /// Why something was declined, such as `card_declined` or `insufficient_funds`.
    DeclineCode,
    "code"
);

impl DeclineCode {
    /// Keeps a code of ours.
    pub(crate) fn of(code: &'static str) -> Self {
        Self(code.into())
    }
}

/// What became of an operation, as far as the backend tells.
///
/// ```
/// use mp_core::amount::{Currency, Money};
/// use mp_pay::backend::{Outcome, Reference};
///
/// let told = Outcome::settled(Reference::new("ch_1")?).with_amount(Money::new(100, Currency::EUR));
/// assert!(told.is_known());
/// # Ok::<(), mp_core::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The money has moved, or the hold is gone.
    #[non_exhaustive]
    Settled {
        /// The backend's name for it.
        reference: Reference,
        /// How much has moved, if the backend tells. What differs from what was asked for is put
        /// before a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// The money is held.
    #[non_exhaustive]
    Authorized {
        /// The backend's name for it.
        reference: Reference,
        /// How much is held in all, if the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
        /// When the hold lapses, if the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// The payer has to do something first.
    #[non_exhaustive]
    NeedsAction {
        /// What.
        action: NextAction,
        /// The backend's name for it, if it has one already: the same as that of what follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// The backend has it and will know later.
    #[non_exhaustive]
    Accepted {
        /// The backend's name for it, if it has one already: the same as that of what follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// It did not happen and will not; of a refund also: it has failed after it had succeeded.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// It is not known.
    #[serde(other)]
    Unknown,
}

impl Outcome {
    /// Returns that the money has moved, or the hold is gone.
    #[must_use]
    pub const fn settled(reference: Reference) -> Self {
        Self::Settled {
            reference,
            amount: None,
        }
    }

    /// Returns that the money is held.
    #[must_use]
    pub const fn authorized(reference: Reference) -> Self {
        Self::Authorized {
            reference,
            amount: None,
            expires_at: None,
        }
    }

    /// Returns that the payer has to do something first.
    #[must_use]
    pub const fn needs_action(action: NextAction) -> Self {
        Self::NeedsAction {
            action,
            reference: None,
        }
    }

    /// Returns that the backend has it and will know later.
    #[must_use]
    pub const fn accepted() -> Self {
        Self::Accepted { reference: None }
    }

    /// Returns that it did not happen and will not.
    #[must_use]
    pub const fn declined(code: DeclineCode) -> Self {
        Self::Declined { code }
    }

    /// Tells the backend's name for it, in the place of any that was told. What was declined, and what
    /// is not known, has no name, and stays as it is.
    ///
    /// ```
    /// use mp_pay::backend::{Outcome, Reference};
    ///
    /// let told = Outcome::accepted().with_reference(Reference::new("tr_1")?);
    /// assert_eq!(told.reference().map(Reference::as_str), Some("tr_1"));
    /// assert_eq!(Outcome::Unknown.with_reference(Reference::new("tr_1")?), Outcome::Unknown);
    /// # Ok::<(), mp_core::Error>(())
    /// ```
    #[must_use]
    pub fn with_reference(mut self, told: Reference) -> Self {
        match &mut self {
            Self::Settled { reference, .. } | Self::Authorized { reference, .. } => {
                *reference = told;
            }
            Self::NeedsAction { reference, .. } | Self::Accepted { reference } => {
                *reference = Some(told);
            }
            Self::Declined { .. } | Self::Unknown => {}
        }
        self
    }

    /// Tells how much has moved or is held; of another outcome it changes nothing.
    #[must_use]
    pub const fn with_amount(mut self, told: Money) -> Self {
        if let Self::Settled { amount, .. } | Self::Authorized { amount, .. } = &mut self {
            *amount = Some(told);
        }
        self
    }

    /// Tells when the hold lapses; of another outcome it changes nothing.
    #[must_use]
    pub const fn with_expiry(mut self, at: Timestamp) -> Self {
        if let Self::Authorized { expires_at, .. } = &mut self {
            *expires_at = Some(at);
        }
        self
    }

    /// Returns the backend's name for it, if it tells one.
    #[must_use]
    pub const fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Settled { reference, .. } | Self::Authorized { reference, .. } => Some(reference),
            Self::NeedsAction { reference, .. } | Self::Accepted { reference } => {
                reference.as_ref()
            }
            Self::Declined { .. } | Self::Unknown => None,
        }
    }

    /// Returns how much has moved or is held, if it tells.
    #[must_use]
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Settled { amount, .. } | Self::Authorized { amount, .. } => *amount,
            _ => None,
        }
    }

    /// Returns it as it can be written down. An amount beyond what records hold is told as the nearest that they
    /// do and that is not the one asked for: that it is another is what matters.
    pub(crate) fn recordable(self, asked: Option<Money>) -> Self {
        let Some(told) = self.amount() else {
            return self;
        };
        let nearest = told.minor().clamp(-JSON_INTEGER_MAX, JSON_INTEGER_MAX);
        if nearest == told.minor() {
            return self;
        }
        let nearest = Money::new(nearest, told.currency());
        self.with_amount(match asked == Some(nearest) {
            true => Money::new(JSON_INTEGER_MAX - 1, told.currency()),
            false => nearest,
        })
    }

    /// Returns whether it says for good what became of the operation.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(
            self,
            Self::Settled { .. } | Self::Authorized { .. } | Self::Declined { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use mp_core::amount::Currency;

    use super::*;

    #[test]
    fn an_amount_that_no_record_holds_is_written_down_as_another_than_was_asked_for() {
        let eur = |minor| Money::new(minor, Currency::EUR);
        let most = JSON_INTEGER_MAX;
        for (told, asked, kept) in [
            (most, most, most),
            (-most, 100, -most),
            (most + 1, 100, most),
            (i64::MAX, most, most - 1),
            (i64::MIN, 100, -most),
        ] {
            let outcome = Outcome::settled(named()).with_amount(eur(told));
            let recorded = outcome.recordable(Some(eur(asked)));
            assert_eq!(recorded.amount(), Some(eur(kept)));
            assert!(serde_json::to_string(&recorded).is_ok());
        }
        assert_eq!(Outcome::accepted().recordable(None), Outcome::accepted());
    }

    fn named() -> Reference {
        Reference::new("tr_1").expect("a reference")
    }

    /// What is open, and how earlier releases wrote it.
    fn open() -> [(Outcome, &'static str); 2] {
        let action = NextAction::AwaitNotification { until: None };
        [
            (Outcome::accepted(), r#"{"outcome":"accepted"}"#),
            (
                Outcome::needs_action(action),
                r#"{"outcome":"needs_action","action":{"type":"await_notification"}}"#,
            ),
        ]
    }

    #[test]
    fn an_open_outcome_without_a_reference_is_written_and_read_as_ever() {
        for (outcome, written) in open() {
            assert_eq!(serde_json::to_string(&outcome).expect("is JSON"), written);
            let read: Outcome = serde_json::from_str(written).expect("reads");
            assert_eq!((&read, read.reference()), (&outcome, None));
        }
    }

    #[test]
    fn an_open_outcome_keeps_the_reference_that_it_tells() {
        for (outcome, _) in open() {
            let outcome = outcome.with_reference(named());
            let written = serde_json::to_value(&outcome).expect("is JSON");
            assert_eq!(written["reference"], "tr_1");
            let read: Outcome = serde_json::from_value(written).expect("reads");
            assert_eq!((read.reference(), read.is_known()), (Some(&named()), false));
            assert_eq!(read, outcome);
        }
    }

    #[test]
    fn a_name_that_a_stranger_made_up_leads_nowhere_else() {
        let is_plain = |text| Reference::new(text).is_ok_and(|name| name.is_plain());
        for real in [
            "pi_3MtwBwLkdIwHu7ix28a3tqPa",
            "tr_7UhSN1zuXS",
            "5O190127TN364715T",
            "sb_a-c1.0",
        ] {
            assert!(is_plain(real), "{real}");
        }
        for made_up in [
            "a/../b", "..", ".a", "a..b", "a?b", "a#b", "a%2fb", "a&b", "a b", "a:b", "ü",
        ] {
            assert!(!is_plain(made_up), "{made_up}");
        }
    }

    #[test]
    fn what_has_no_name_is_given_none_and_what_has_one_is_given_another() {
        let declined = Outcome::declined(DeclineCode::of("late"));
        for nameless in [declined, Outcome::Unknown] {
            assert_eq!(nameless.clone().with_reference(named()), nameless);
        }
        let other = || Reference::new("tr_0").expect("a reference");
        for known in [Outcome::settled(other()), Outcome::authorized(other())] {
            assert_eq!(known.with_reference(named()).reference(), Some(&named()));
        }
    }
}
