//! One thing asked of the backend: written down before it is asked, asked under a fixed key.

mod breach;
mod key;
mod learn;

use mp_core::{Document, Timestamp, amount::Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::learn::Asked;
pub use self::{
    breach::Breach,
    key::{OperationKey, Step},
};
use crate::backend::{DeclineCode, Reference};

/// How far an operation has come: planned → sent → known.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// It is written down and was not asked for yet.
    Planned,
    /// It is being asked for, or was when the process ended.
    Sent,
    /// The backend has it and will know later.
    Pending,
    /// The call ended without telling what became of it.
    Unknown,
    /// The backend tells of another amount than was asked for, or breaks its contract in another
    /// way: a person has to look.
    Conflicted,
    /// It happened.
    Done,
    /// It did not happen, and will not; or it happened and has failed since, as refunds may.
    Declined,
    /// A newer release wrote it; nothing moves on from it here.
    #[serde(other)]
    Unrecognized,
}

impl Stage {
    /// Returns whether the outcome is known for good.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Done | Self::Declined)
    }
}

/// What a backend has said of an operation that is still open; of two words the later one counts.
#[derive(
    Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Heard {
    /// It waits for the payer.
    NeedsAction,
    /// It is under way.
    Accepted,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

/// One operation's progress.
///
/// What is learnt of it only adds up: the same observations in any order, any number of times, come
/// to the same.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Operation {
    /// How far it has come.
    pub stage: Stage,
    /// How often the backend was called for it, each time under the same key.
    pub calls: u32,
    /// When it was first sent: a backend's window for replays counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sent_at: Option<Timestamp>,
    /// When it was first tried to be sent, where that has surely not reached the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_tried_at: Option<Timestamp>,
    /// When it was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// Whether an earlier call may have acted already.
    #[serde(default)]
    pub resent: bool,
    /// What the backend has said while it was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Heard>,
    /// The backend's own name for it, told with what became of it or while it was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Why it was declined, or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<DeclineCode>,
    /// What the backend says that it moved, where that is not what was asked for or a person has
    /// found otherwise; nothing, where it denies what a person has found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Money>,
    /// How the backend has broken its contract, while that keeps the outcome from being known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<Breach>,
    /// What it moved as a person has found out, where that is not what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Money>,
    /// Whether a person has said what became of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decided: bool,
    /// What that person has found: that it happened, or that it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Stage>,
    /// Whether it was open by then: what it was to give back, and has not, is still owed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found_open: bool,
    /// The conflict that the person has judged: it is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overruled: Option<Money>,
}

impl Operation {
    /// Writes an operation down.
    pub(crate) const fn planned() -> Self {
        Self {
            stage: Stage::Planned,
            calls: 0,
            first_sent_at: None,
            first_tried_at: None,
            sent_at: None,
            resent: false,
            heard: None,
            reference: None,
            code: None,
            conflict: None,
            breach: None,
            moved: None,
            decided: false,
            found: None,
            found_open: false,
            overruled: None,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    pub(crate) fn is_declined(&self) -> bool {
        self.stage == Stage::Declined
    }

    /// Returns whether a person has found that it came to this; an earlier release did not note what,
    /// so that it counts as where it stands.
    pub(crate) fn is_found(&self, stage: Stage) -> bool {
        self.decided && self.found.unwrap_or(self.stage) == stage
    }

    /// Returns whether a person has found of what was declined already that nobody is to give it back.
    pub(crate) fn is_forgone(&self) -> bool {
        self.is_found(Stage::Declined) && !self.found_open
    }

    /// Returns whether it was called for, and the backend has told nothing of it since.
    pub(crate) fn was_never_told_of(&self) -> bool {
        let open = matches!(self.stage, Stage::Sent | Stage::Unknown);
        open && self.heard.is_none() && self.reference.is_none()
    }

    /// Returns whether the backend has told under which name it has it, whatever came of it.
    pub(crate) const fn is_named(&self) -> bool {
        self.reference.is_some()
    }

    /// Returns whether it was called for, and surely did not reach the backend.
    pub(crate) fn was_not_sent(&self) -> bool {
        self.stage == Stage::Planned && self.calls > 0
    }

    /// Gives up what surely did not reach the backend: it will not be sent any more.
    pub(crate) fn close_unsent(&mut self) {
        self.stage = Stage::Declined;
        self.code = Some(DeclineCode::of("backend_unavailable"));
    }

    /// Takes note that the backend is about to be called; nothing is sent that is known.
    pub(crate) fn send(&mut self, now: Timestamp) {
        if self.stage.is_known() || matches!(self.stage, Stage::Conflicted | Stage::Unrecognized) {
            return;
        }
        self.resent = self.stage != Stage::Planned;
        self.stage = Stage::Sent;
        self.calls += 1;
        self.first_sent_at.get_or_insert(now);
        self.sent_at = Some(now);
    }

    /// Takes note that the last call surely did not act. What an earlier one did stays open.
    pub(crate) const fn take_back(&mut self) {
        if !matches!(self.stage, Stage::Sent) {
            return;
        }
        if self.resent {
            self.stage = self.open_stage();
        } else {
            self.stage = Stage::Planned;
            self.first_tried_at = match self.first_tried_at {
                None => self.first_sent_at,
                earlier => earlier,
            };
            self.first_sent_at = None;
        }
    }

    /// Returns where an operation stands that was sent and whose call told nothing.
    const fn open_stage(&self) -> Stage {
        match self.heard {
            Some(_) => Stage::Pending,
            None => Stage::Unknown,
        }
    }
}

/// The outbox message that keeps an operation from being forgotten until its outcome is known.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct OperationDue {
    pub(crate) operation: OperationKey,
}

impl Document for OperationDue {
    const KIND: &'static str = "pay.operation";
    const FORMAT: u32 = 1;
}
