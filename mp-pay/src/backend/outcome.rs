use std::fmt;

use mp_core::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::visible_ascii;

/// Declares a text that a backend chose: 1 to 255 visible ASCII characters.
macro_rules! backend_text {
    ($(#[$attribute:meta])* $type:ident, $field:literal) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
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
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The money has moved, or the hold is gone.
    Settled {
        /// The backend's name for it.
        reference: Reference,
    },
    /// The money is held.
    Authorized {
        /// The backend's name for it.
        reference: Reference,
    },
    /// The payer has to do something first.
    NeedsAction {
        /// What.
        action: NextAction,
    },
    /// The backend has it and will know later.
    Accepted,
    /// It did not happen and will not.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// It is not known.
    #[serde(other)]
    Unknown,
}

impl Outcome {
    /// Returns whether it says for good what became of the operation.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(
            self,
            Self::Settled { .. } | Self::Authorized { .. } | Self::Declined { .. }
        )
    }
}

/// What the payer has to do.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NextAction {
    /// Open a page.
    Redirect {
        /// Which.
        url: String,
    },
    /// Hand data to the backend's own code on the payer's device.
    ClientSdk {
        /// The data, as that code wants it.
        payload: Value,
    },
    /// Scan a code.
    QrCode {
        /// What the code says.
        content: String,
    },
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

/// What a backend knows of an operation that it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// It knows it.
    Found(Outcome),
    /// It never came, and will not come any more: it may be sent again.
    NotFound,
    /// It cannot tell now.
    CannotTell,
}
