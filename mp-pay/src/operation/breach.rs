use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, Stage};
use crate::backend::{Capabilities, NextAction, Reference};

/// How a backend has broken its [contract](crate::PaymentBackend), so that a person has to look.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Breach {
    /// It wants something of the payer that it has not declared in
    /// [`Capabilities::next_actions`](crate::backend::Capabilities::next_actions); the payer was
    /// not asked.
    UndeclaredAction,
    /// It wants of a payer what is not safe, such as to go to what is no page on the web
    /// ([`NextAction::is_safe`](crate::backend::NextAction::is_safe)); the payer was not asked.
    UnsafeAction,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UndeclaredAction => "the backend asks the payer for what it has not declared",
            Self::UnsafeAction => "the backend asks the payer for what is not safe",
            Self::Unrecognized => "the backend has broken its contract in a way not known here",
        })
    }
}

impl Breach {
    /// Returns how a backend that asks a payer for this has broken its contract, if it has. To say no
    /// more than that the payer has to act is to ask for nothing.
    pub(crate) fn of(can: &Capabilities, action: &NextAction) -> Option<Self> {
        if !can.declares(action) && !action.is_bare() {
            return Some(Self::UndeclaredAction);
        }
        (!action.is_safe()).then_some(Self::UnsafeAction)
    }

    /// Returns why this action was refused.
    pub(crate) fn of_refused(action: &NextAction) -> Self {
        if action.is_safe() {
            Self::UndeclaredAction
        } else {
            Self::UnsafeAction
        }
    }
}

impl Operation {
    /// Takes note that the backend has broken its contract. Once the outcome is known, by whichever
    /// word came first, that is of no matter any more; the name that it told with it is.
    pub(crate) fn breached(&mut self, how: Breach, told: Option<&Reference>) {
        if self.stage == Stage::Unrecognized {
            return;
        }
        self.refer(told);
        if self.stage.is_known() {
            return;
        }
        // Of two, the same whichever came first.
        self.breach = self.breach.max(Some(how));
        self.stage = Stage::Conflicted;
    }
}
