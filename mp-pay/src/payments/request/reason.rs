//! The reasons that may be given in a request: fewer than those that are recorded, some of which
//! say that nobody asked, and steer what happens next.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::{intent::CancellationReason, refund::RefundReason};

/// Why an intent is given up, as a request may say.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GivenUp {
    /// It was created twice.
    Duplicate,
    /// It looks like fraud.
    Fraudulent,
    /// The payer asked for it.
    RequestedByCustomer,
    /// The payer walked away.
    Abandoned,
}

/// Why money is given back, as a request may say.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GivenBack {
    /// It was paid twice.
    Duplicate,
    /// It looks like fraud.
    Fraudulent,
    /// The payer asked for it.
    RequestedByCustomer,
}

impl From<GivenUp> for CancellationReason {
    fn from(given: GivenUp) -> Self {
        match given {
            GivenUp::Duplicate => Self::Duplicate,
            GivenUp::Fraudulent => Self::Fraudulent,
            GivenUp::RequestedByCustomer => Self::RequestedByCustomer,
            GivenUp::Abandoned => Self::Abandoned,
        }
    }
}

impl From<GivenBack> for RefundReason {
    fn from(given: GivenBack) -> Self {
        match given {
            GivenBack::Duplicate => Self::Duplicate,
            GivenBack::Fraudulent => Self::Fraudulent,
            GivenBack::RequestedByCustomer => Self::RequestedByCustomer,
        }
    }
}

pub(super) fn given_up<'de, D>(deserializer: D) -> Result<CancellationReason, D::Error>
where
    D: Deserializer<'de>,
{
    GivenUp::deserialize(deserializer).map(Into::into)
}

pub(super) fn given_back<'de, D>(deserializer: D) -> Result<Option<RefundReason>, D::Error>
where
    D: Deserializer<'de>,
{
    let given = Option::<GivenBack>::deserialize(deserializer)?;
    Ok(given.map(Into::into))
}
