use mp_core::{Error, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Notice;
use crate::{
    backend::{DeclineCode, Outcome, Reference},
    operation::OperationKey,
};

/// Asks for the operations that wait for a person.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListUnresolved {
    /// After which; from the first if not given.
    #[serde(default)]
    pub after: Option<OperationKey>,
    /// How many at most; 100 if not given, and never more than
    /// [`UNRESOLVED_MAX`](crate::payments::UNRESOLVED_MAX).
    #[serde(default = "page")]
    pub limit: u32,
}

const fn page() -> u32 {
    100
}

/// Tells what a person has found out about an operation, in the backend's own books.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveOperation {
    /// Which.
    pub operation: OperationKey,
    /// What.
    pub found: Finding,
    /// How much has moved or is held, more than zero, where that is not what was asked for;
    /// none of what was declined.
    #[serde(default)]
    pub amount: Option<Money>,
}

/// What a person can have found out: an [`Outcome`] that is known for good.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Finding {
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
    /// It did not happen and will not.
    Declined {
        /// Why.
        code: DeclineCode,
    },
}

impl TryFrom<ResolveOperation> for Notice {
    type Error = Error;

    /// Refuses an amount of what did not happen.
    fn try_from(found: ResolveOperation) -> Result<Self, Error> {
        let operation = found.operation;
        let outcome = match (found.found, found.amount) {
            (Finding::Declined { .. }, Some(_)) => {
                let problem = "is told of what did not happen: leave it out";
                return Err(Error::invalid("amount", problem));
            }
            (found, Some(amount)) => Outcome::from(found).with_amount(amount),
            (found, None) => found.into(),
        };
        Ok(Self { operation, outcome })
    }
}

impl From<Finding> for Outcome {
    fn from(found: Finding) -> Self {
        match found {
            Finding::Settled { reference } => Self::settled(reference),
            Finding::Authorized { reference } => Self::authorized(reference),
            Finding::Declined { code } => Self::declined(code),
        }
    }
}
