//! One thing asked of the backend: written down before it is asked, asked under a fixed key.

use std::{fmt, str::FromStr};

use mp_core::{Document, Error, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    backend::{DeclineCode, Reference},
    intent::IntentId,
    refund::RefundId,
};

/// What of an intent is asked of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The charge of an attempt, by its number from 1.
    Charge(u32),
    /// The capture of an attempt's hold.
    Capture(u32),
    /// Letting go of an attempt's hold, or of the attempt itself.
    Void(u32),
    /// Giving back what an attempt took after it was given up.
    Return(u32),
    /// A refund.
    Refund(RefundId),
}

/// Names one operation, at us and at the backend: its idempotency key and our reference there.
///
/// The text form is the intent's id, then `-c1` for the charge of attempt 1, `-k1` for its capture,
/// `-v1` for its void, `-x1` for its return, or `-` and a refund's id. A charge's key has 32
/// characters, which is the most that WeChat Pay takes as an `out_trade_no`; a refund's has 59,
/// within the 64 of its `out_refund_no`.
///
/// ```
/// use mp_pay::operation::{OperationKey, Step};
///
/// let key: OperationKey = "pi_01HF7YAT000000000000000000-c1".parse()?;
/// assert_eq!(key.step, Step::Charge(1));
/// assert_eq!(key.to_string().len(), 32);
/// # Ok::<(), mp_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey {
    /// The intent.
    pub intent: IntentId,
    /// What of it.
    pub step: Step,
}

impl fmt::Display for OperationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let intent = self.intent;
        match self.step {
            Step::Charge(n) => write!(f, "{intent}-c{n}"),
            Step::Capture(n) => write!(f, "{intent}-k{n}"),
            Step::Void(n) => write!(f, "{intent}-v{n}"),
            Step::Return(n) => write!(f, "{intent}-x{n}"),
            Step::Refund(refund) => write!(f, "{intent}-{refund}"),
        }
    }
}

impl FromStr for OperationKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::invalid("operation", EXPECTED))
    }
}

fn parse(text: &str) -> Option<OperationKey> {
    let (intent, step) = text.split_once('-')?;
    let number = || {
        let number = step.get(1..)?;
        let canonical = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|n| canonical && *n > 0)?;
        (step.len() == 2).then_some(number)
    };
    let step = match step.as_bytes().first()? {
        b'c' => Step::Charge(number()?),
        b'k' => Step::Capture(number()?),
        b'v' => Step::Void(number()?),
        b'x' => Step::Return(number()?),
        _ => Step::Refund(step.parse().ok()?),
    };
    let intent = intent.parse().ok()?;
    Some(OperationKey { intent, step })
}

const EXPECTED: &str = "is not an operation such as pi_01HF7YAT000000000000000000-c1";

mp_core::text_form!(
    OperationKey,
    expected: EXPECTED,
    pattern: "^pi_[0-7][0-9A-HJKMNP-TV-Z]{25}-([ckvx][1-9]|rf_[0-7][0-9A-HJKMNP-TV-Z]{25})$",
);

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
    /// It happened.
    Done,
    /// It did not happen, and will not.
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

/// One operation's progress.
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
    /// When it was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// Whether an earlier call may have acted already.
    #[serde(default)]
    pub resent: bool,
    /// The backend's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<DeclineCode>,
}

impl Operation {
    /// Writes an operation down.
    pub(crate) const fn planned() -> Self {
        Self {
            stage: Stage::Planned,
            calls: 0,
            first_sent_at: None,
            sent_at: None,
            resent: false,
            reference: None,
            code: None,
        }
    }

    /// Takes note that the backend is about to be called; nothing is sent that is known.
    pub(crate) fn send(&mut self, now: Timestamp) {
        if self.stage.is_known() {
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
            self.stage = Stage::Unknown;
        } else {
            self.stage = Stage::Planned;
            self.first_sent_at = None;
        }
    }

    pub(crate) fn succeed(&mut self, reference: &Reference) {
        self.stage = Stage::Done;
        self.reference = Some(reference.clone());
        self.code = None;
    }

    pub(crate) fn decline(&mut self, code: &DeclineCode) {
        self.stage = Stage::Declined;
        self.code = Some(code.clone());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_nothing_else_is() {
        let intent = IntentId::at(1_700_000_000_000, [9; 10]);
        let refund = RefundId::at(1_700_000_000_000, [8; 10]);
        let steps = [
            Step::Charge(1),
            Step::Capture(9),
            Step::Void(2),
            Step::Return(3),
            Step::Refund(refund),
        ];
        for step in steps {
            let key = OperationKey { intent, step };
            assert_eq!(key.to_string().parse::<OperationKey>().ok(), Some(key));
            assert!(key.to_string().len() <= 64);
        }
        for text in ["", "-", "pi_", "c1", "é"] {
            assert!(text.parse::<OperationKey>().is_err(), "{text}");
        }
        for step in ["c0", "c", "c10", "c+1", "z1", "é1", "", "c1 ", "rf_1"] {
            let text = format!("{intent}-{step}");
            assert!(text.parse::<OperationKey>().is_err(), "{text}");
        }
    }
}
