use std::fmt;

use mp_core::{Error, Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NextAction;
use crate::text::visible_ascii;

/// Declares a text that a backend chose: 1 to 255 visible ASCII characters.
macro_rules! backend_text {
    ($(#[$attribute:meta])* $type:ident, $field:literal) => {
        $(#[$attribute])*
        #[derive(
            Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks and keeps the text.
            ///
            /// # Errors
            ///
            /// `invalid_field` if it is empty, longer than 255 bytes, or not visible ASCII.
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                visible_ascii($field, text.into()).map(Self)
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
                text.0
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

backend_text!(
    /// Why something was declined, such as `card_declined` or `insufficient_funds`.
    DeclineCode,
    "code"
);

impl DeclineCode {
    /// Keeps a code of ours.
    pub(crate) fn of(code: &'static str) -> Self {
        Self(code.to_owned())
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
    NeedsAction {
        /// What.
        action: NextAction,
    },
    /// The backend has it and will know later.
    Accepted,
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

    /// Returns that it did not happen and will not.
    #[must_use]
    pub const fn declined(code: DeclineCode) -> Self {
        Self::Declined { code }
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

    /// Returns how much has moved or is held, if it tells.
    #[must_use]
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Settled { amount, .. } | Self::Authorized { amount, .. } => *amount,
            _ => None,
        }
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

/// What a backend knows of an operation that it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// It knows it.
    Found(Outcome),
    /// It never came, and will not come any more: it may be sent again. Said wrongly, this is a
    /// double charge.
    NotFound,
    /// It cannot tell now.
    CannotTell,
}
