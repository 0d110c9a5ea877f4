use mp_core::{
    Error,
    amount::Money,
    id::{AppId, UserId},
    label::Label,
    port::{Destination, PayoutKey, PayoutRequest, Receiver},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::PayoutId;
use crate::{
    backend::{DeclineCode, Outcome, Reference},
    payments::Finding,
};

/// Asks for somebody to be paid.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePayout {
    /// The payout's name, unique within the app: the same name is the same payout.
    pub key: PayoutKey,
    /// Who is paid.
    #[serde(deserialize_with = "told")]
    #[schemars(with = "Told")]
    pub receiver: Receiver,
    /// How much, more than zero.
    pub amount: Money,
    /// What for, as the receiver may read it.
    pub reason: Label,
}

/// Who is paid, as a request may say: a stored [`Receiver`] may have members, and be of kinds, that
/// are not known here.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Told {
    /// A user of the app.
    User {
        /// Which.
        user: UserId,
    },
    /// Whoever is behind a destination.
    Destination {
        /// Where the money goes.
        destination: Destination,
    },
}

fn told<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Receiver, D::Error> {
    Ok(match Told::deserialize(deserializer)? {
        Told::User { user } => Receiver::user(user),
        Told::Destination { destination } => Receiver::destination(destination),
    })
}

impl CreatePayout {
    pub(super) fn of(self, app: &AppId) -> PayoutRequest {
        PayoutRequest {
            key: self.key,
            app: app.clone(),
            receiver: self.receiver,
            amount: self.amount,
            reason: self.reason,
        }
    }
}

/// Asks for a payout to be called off.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CancelPayout {
    /// Which.
    pub payout: PayoutId,
}

/// Asks where a payout stands.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPayout {
    /// Which.
    pub payout: PayoutId,
}

/// Asks for the payouts that wait for a person.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListUnresolvedPayouts {
    /// After which; from the first if not given.
    #[serde(default)]
    pub after: Option<PayoutId>,
    /// How many at most; 100 if not given, and never more than
    /// [`UNRESOLVED_PAYOUTS_MAX`](super::UNRESOLVED_PAYOUTS_MAX).
    #[serde(default = "page")]
    pub limit: u32,
}

const fn page() -> u32 {
    100
}

/// Tells what became of a payout, as the backend does by a webhook.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PayoutNotice {
    /// Which.
    pub payout: PayoutId,
    /// What became of it. Of a hint no more is used than its reference, to ask by; a decline has none,
    /// so that one is best told as [`Outcome::accepted`] with the backend's name.
    pub outcome: Outcome,
}

/// Tells what a person has found out about a payout, in the backend's own books.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResolvePayout {
    /// Which.
    pub payout: PayoutId,
    /// What: that it was settled or declined; one that is authorized is still open.
    pub found: Finding,
    /// How much has gone, more than zero, where that is not what was asked for; none of what was
    /// declined.
    #[serde(default)]
    pub amount: Option<Money>,
}

impl ResolvePayout {
    /// Tells that the money has gone.
    #[must_use]
    pub const fn settled(payout: PayoutId, reference: Reference) -> Self {
        Self {
            payout,
            found: Finding::Settled { reference },
            amount: None,
        }
    }

    /// Tells that it did not go, and will not.
    #[must_use]
    pub const fn declined(payout: PayoutId, code: DeclineCode) -> Self {
        Self {
            payout,
            found: Finding::Declined { code },
            amount: None,
        }
    }

    /// Returns what was found as an outcome that is known for good.
    pub(super) fn outcome(self) -> Result<Outcome, Error> {
        match (self.found, self.amount) {
            (Finding::Authorized { .. }, _) => Err(Error::invalid(
                "found",
                "is not what becomes of a payout for good",
            )),
            (Finding::Declined { .. }, Some(_)) => {
                let problem = "is told of what did not happen: leave it out";
                Err(Error::invalid("amount", problem))
            }
            (found, Some(amount)) => Ok(Outcome::from(found).with_amount(amount)),
            (found, None) => Ok(found.into()),
        }
    }
}
