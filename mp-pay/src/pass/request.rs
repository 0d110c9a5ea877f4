use mp_core::id::{Name, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PassId;

/// Asks for a pass in a program; a user has one per program.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPass {
    /// Which program.
    pub program: Name,
    /// Whose, if not the caller's; only staff may say so.
    #[serde(default)]
    pub owner: Option<UserId>,
}

/// Asks for stamps to be put on a pass.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StampPass {
    /// Which.
    pub pass: PassId,
    /// How many, 1 to [`STAMPS_MAX`](super::STAMPS_MAX).
    pub stamps: u32,
}

/// Asks for points to be added to a pass.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EarnPoints {
    /// Which.
    pub pass: PassId,
    /// How many, more than zero.
    pub points: u64,
}

/// Asks for something on a pass to be redeemed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Redeem {
    /// Which.
    pub pass: PassId,
    /// What.
    pub redeem: Redemption,
}

/// What is redeemed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Redemption {
    /// Rewards for full cards.
    Rewards {
        /// How many.
        count: u32,
    },
    /// Points.
    Points {
        /// How many.
        count: u64,
    },
}

/// Asks for a pass to be shown.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPass {
    /// Which.
    pub pass: PassId,
}
