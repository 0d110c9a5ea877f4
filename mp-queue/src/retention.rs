//! When lines may leave the store: [`PastLines`].

use mp_core::{Error, Family, Timestamp, retention::Rule};

use crate::line::{Line, LineId, LineState};

/// Takes a line for closed when it [was closed](crate::Queues::close_line) and its service day is
/// over, 48 hours after midnight UTC of its date: whoever still waits then has gone home.
///
/// Until then it stays, though nobody waits in it, for it may be
/// [opened again](crate::Queues::reopen_line), which nothing can be that was archived: a line is set up
/// and closed days before its own. A line that nobody closes stays as well, though it gives out no
/// tickets once its day is over: close it yourself at the end of the evening.
#[derive(Clone, Copy, Debug, Default)]
pub struct PastLines;

impl Rule for PastLines {
    fn kind(&self) -> &str {
        LineId::PARTITION_KIND
    }

    fn is_closed(&self, family: &Family, now: Timestamp) -> Result<bool, Error> {
        let line = family.root::<Line>()?;
        Ok(line.is_some_and(|line| line.is_past(now)))
    }
}

impl Line {
    fn is_past(&self, now: Timestamp) -> bool {
        self.state == LineState::Closed && self.id.day.is_over(now)
    }
}
