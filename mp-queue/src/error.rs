use mp_core::{Error, ErrorKind};

use crate::{
    line::{LaneLetter, TICKETS_EACH_MAX},
    ticket::{IllegalMove, TicketId, TicketNumber},
};

/// Why a queue refuses something, or could not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// There is no such line in the caller's app.
    #[error("no such line: open it first")]
    NoSuchLine,
    /// The line was opened before.
    #[error("the line exists already: reopen it if it is closed")]
    LineExists,
    /// The line takes no new tickets, or its service day is over: 48 hours after midnight UTC of its date.
    #[error("the line is closed: no tickets are given out")]
    LineClosed,
    /// The line has issued as many tickets as it may.
    #[error("the line has given out all its {tickets_max} tickets")]
    LineFull {
        /// The line's limit.
        tickets_max: u32,
    },
    /// The line has no such lane.
    #[error("the line has no lane {0}")]
    NoSuchLane(LaneLetter),
    /// No lane takes a party of this size.
    #[error("no lane takes a party of {party}")]
    NoLaneFor {
        /// The party's size.
        party: u32,
    },
    /// The user holds a live ticket of the line.
    #[error("the user holds ticket {number} of this line: leave it first")]
    AlreadyInLine {
        /// The ticket's id.
        ticket: TicketId,
        /// The ticket's number.
        number: TicketNumber,
    },
    /// The user has taken as many tickets of the line as one may.
    #[error(
        "the user has taken {TICKETS_EACH_MAX} tickets of this line, the most there are for one"
    )]
    TooManyAttempts,
    /// There is no such ticket in the line, or none that the caller may see.
    #[error("no such ticket in this line")]
    NoSuchTicket,
    /// Nobody waits where a ticket was to be called.
    #[error("nobody waits")]
    NobodyWaits,
    /// The ticket's state does not allow it.
    #[error(transparent)]
    IllegalMove(#[from] IllegalMove),
    /// The caller has no right to it, or the store or the host failed.
    #[error(transparent)]
    Core(#[from] Error),
}

impl QueueError {
    /// Returns the machine-readable code, stable across releases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchLine => "no_such_line",
            Self::LineExists => "line_exists",
            Self::LineClosed => "line_closed",
            Self::LineFull { .. } => "line_full",
            Self::NoSuchLane(_) => "no_such_lane",
            Self::NoLaneFor { .. } => "no_lane",
            Self::AlreadyInLine { .. } => "already_in_line",
            Self::TooManyAttempts => "too_many_attempts",
            Self::NoSuchTicket => "no_such_ticket",
            Self::NobodyWaits => "nobody_waits",
            Self::IllegalMove(_) => "illegal_move",
            Self::Core(error) => error.code(),
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchLine | Self::NoSuchTicket => ErrorKind::NotFound,
            Self::NoSuchLane(_) | Self::NoLaneFor { .. } => ErrorKind::Invalid,
            Self::Core(error) => error.kind(),
            _ => ErrorKind::Refused,
        }
    }

    const fn field(&self) -> Option<&'static str> {
        match self {
            // Queue and day name a line together; the queue stands for both.
            Self::NoSuchLine
            | Self::LineExists
            | Self::LineClosed
            | Self::LineFull { .. }
            | Self::TooManyAttempts => Some("queue"),
            Self::NoSuchLane(_) => Some("from.lane"),
            Self::NoLaneFor { .. } => Some("party"),
            Self::NoSuchTicket | Self::IllegalMove(_) => Some("ticket"),
            _ => None,
        }
    }
}

impl From<QueueError> for Error {
    fn from(error: QueueError) -> Self {
        let (kind, code, field) = (error.kind(), error.code(), error.field());
        if let QueueError::Core(core) = error {
            return core;
        }
        let core = Self::new(kind, code, error.to_string());
        field.map_or_else(|| core.clone(), |field| core.clone().with_field(field))
    }
}

/// Returns the error of something that a newer release has written: work on it is tried again until
/// one that knows it takes it up.
pub(crate) fn newer_release() -> Error {
    let message = "a newer release wrote this, and only it can go on";
    Error::new(ErrorKind::Unavailable, "newer_release", message)
}
