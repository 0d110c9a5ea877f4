use mp_core::amount::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    backend::{DeclineCode, Outcome, Reference},
    dispute::DisputeStatus,
    intent::IntentId,
    operation::OperationKey,
};

/// Tells what became of an operation: by a webhook, or by a person who looked it up.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Which.
    pub operation: OperationKey,
    /// What became of it. Of a hint no more is used than its reference, to ask by; a decline has none,
    /// so that one is best told as [`Outcome::accepted`] with the backend's name.
    pub outcome: Outcome,
}

/// Tells of a dispute or chargeback, as the backend does.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeNotice {
    /// Of which intent.
    pub intent: IntentId,
    /// Which attempt's charge is disputed, where the backend tells that; else it is the one that counts.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// The backend's name for the dispute.
    pub reference: Reference,
    /// How much is disputed.
    pub amount: Money,
    /// How far it has come.
    pub status: DisputeStatus,
    /// Why, in the backend's words.
    #[serde(default)]
    pub reason: Option<DeclineCode>,
}
