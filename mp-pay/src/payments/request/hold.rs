use mp_core::amount::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::IntentId;

/// Asks for held money to be taken.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureIntent {
    /// Of which intent.
    pub intent: IntentId,
    /// How much; all that is held if not given.
    #[serde(default)]
    pub amount: Option<Money>,
    /// Whether what is not taken is let go; so unless said otherwise.
    #[serde(default = "yes", rename = "final_capture")]
    pub last: bool,
}

const fn yes() -> bool {
    true
}

impl CaptureIntent {
    /// Takes all that is held.
    #[must_use]
    pub const fn of(intent: IntentId) -> Self {
        Self {
            intent,
            amount: None,
            last: true,
        }
    }

    /// Keeps holding the rest, for further captures.
    #[must_use]
    pub const fn with_more_to_come(mut self) -> Self {
        self.last = false;
        self
    }

    /// Takes this much.
    #[must_use]
    pub const fn with_amount(mut self, amount: Money) -> Self {
        self.amount = Some(amount);
        self
    }
}

/// Asks for more to be held.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IncreaseIntent {
    /// Of which intent.
    pub intent: IntentId,
    /// How much in all, more than is held now.
    pub amount: Money,
}

impl IncreaseIntent {
    /// Holds this much in all.
    #[must_use]
    pub const fn to(intent: IntentId, amount: Money) -> Self {
        Self { intent, amount }
    }
}
