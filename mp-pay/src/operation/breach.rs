use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, Stage};

/// How a backend has broken its [contract](crate::PaymentBackend), so that a person has to look.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Breach {
    /// It wants something of the payer that it has not declared in
    /// [`Capabilities::next_actions`](crate::backend::Capabilities::next_actions); the payer was
    /// not asked.
    UndeclaredAction,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UndeclaredAction => "the backend asks the payer for what it has not declared",
            Self::Unrecognized => "the backend has broken its contract in a way not known here",
        })
    }
}

impl Operation {
    /// Takes note that the backend has broken its contract. Once the outcome is known, by whichever
    /// word came first, that is of no matter any more.
    pub(crate) fn breached(&mut self, how: Breach) {
        if self.stage.is_known() || self.stage == Stage::Unrecognized {
            return;
        }
        self.breach = Some(how);
        self.stage = Stage::Conflicted;
    }
}
