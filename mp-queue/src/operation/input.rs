use std::time::Duration;

use mp_core::id::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    desk::CallFrom,
    line::{LineId, LineSetup, ServiceDay},
    ticket::TicketId,
};

/// How old a position may be where a call does not say.
const STALENESS: Duration = Duration::from_secs(1);

/// The input of `queue.open_line`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenLine {
    pub(super) queue: Name,
    pub(super) day: ServiceDay,
    pub(super) setup: LineSetup,
}

/// The input of operations on a whole line.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfLine {
    pub(super) queue: Name,
    pub(super) day: ServiceDay,
}

/// The input of `queue.join`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinLine {
    pub(super) queue: Name,
    pub(super) day: ServiceDay,
    /// How many persons come; 1 by default.
    #[serde(default = "one")]
    pub(super) party: u32,
}

/// The input of `queue.call_next`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallNext {
    pub(super) queue: Name,
    pub(super) day: ServiceDay,
    /// Whom to call; whoever has waited longest by default.
    #[serde(default = "longest_waiting")]
    pub(super) from: CallFrom,
}

/// The input of operations on one ticket.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTicket {
    pub(super) queue: Name,
    pub(super) day: ServiceDay,
    pub(super) ticket: TicketId,
}

/// The input of `queue.position`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskPosition {
    pub(super) queue: Name,
    pub(super) day: ServiceDay,
    pub(super) ticket: TicketId,
    /// How old the answer may be, in milliseconds; one second by default.
    #[serde(default = "staleness_ms")]
    pub(super) staleness_ms: u64,
}

impl OfLine {
    pub(super) fn line(&self) -> LineId {
        LineId::new(self.queue.clone(), self.day)
    }
}

impl OfTicket {
    pub(super) fn line(&self) -> LineId {
        LineId::new(self.queue.clone(), self.day)
    }
}

const fn one() -> u32 {
    1
}

const fn longest_waiting() -> CallFrom {
    CallFrom::LongestWaiting
}

const fn staleness_ms() -> u64 {
    STALENESS.as_secs() * 1_000
}
