//! A line: one queue on one service day, its lanes, its counts and its limits.

mod counts;
mod id;
mod lane;
mod letter;
mod setup;

use std::time::Duration;

use mp_core::{Document, Timestamp, id::AppId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    counts::Counts,
    id::{LineId, ParseServiceDayError, ServiceDay},
    lane::Lane,
    letter::{LaneLetter, ParseLetterError},
    setup::{
        GRACE_MAX, GRACE_MIN, INTERVAL_MIN, LaneSetup, LineSetup, NEAR_MAX, TICKETS_EACH_MAX,
        TICKETS_MAX,
    },
};
use crate::{error::QueueError, quote::millis};

/// Whether a line takes new tickets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineState {
    /// People can join, until two days after its service day began in UTC.
    Open,
    /// Nobody can join; who waits is still called.
    Closed,
    /// Written by a newer release; counts as closed.
    #[serde(other)]
    Unrecognized,
}

/// A line as it stands: the root record of its partition.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// Its queue and day.
    pub id: LineId,
    /// The app it belongs to.
    pub app: AppId,
    /// Whether it takes new tickets.
    pub state: LineState,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The most tickets it issues.
    pub tickets_max: u32,
    /// How long a called person has to come.
    #[serde(rename = "grace_ms", with = "millis")]
    #[schemars(with = "u64")]
    pub grace: Duration,
    /// With how many ahead a person is told that their turn is near.
    pub near: u32,
    /// The lanes, in the order they were set up.
    pub lanes: Vec<Lane>,
    /// How many quotes were promised to tickets that were then called, or whose owners gave up once
    /// the P90 had passed; who left earlier counts in none.
    pub quotes_given: u64,
    /// How many of those were called before their P90 had passed.
    pub quotes_kept: u64,
    /// The greatest sequence number given out; it orders tickets across lanes.
    pub(crate) sequence: u32,
}

impl Document for Line {
    const KIND: &'static str = "queue.line";
    const FORMAT: u32 = 1;
}

impl Line {
    pub(crate) fn open(id: LineId, app: AppId, setup: &LineSetup, now: Timestamp) -> Self {
        Self {
            id,
            app,
            state: LineState::Open,
            opened_at: now,
            tickets_max: setup.tickets_max,
            grace: setup.grace,
            near: setup.near,
            lanes: setup.lanes.iter().map(Lane::open).collect(),
            quotes_given: 0,
            quotes_kept: 0,
            sequence: 0,
        }
    }

    /// Returns whether people can join: it is open, and its service day is not over, or whoever took
    /// it for today's would wait in a line that nobody calls.
    pub(crate) fn gives_out_tickets(&self, now: Timestamp) -> bool {
        self.state == LineState::Open && !self.id.day.is_over(now)
    }

    /// Returns the lane with this letter.
    #[must_use]
    pub fn lane(&self, letter: LaneLetter) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.letter == letter)
    }

    pub(crate) fn lane_mut(&mut self, letter: LaneLetter) -> Result<&mut Lane, QueueError> {
        self.lanes
            .iter_mut()
            .find(|lane| lane.letter == letter)
            .ok_or(QueueError::NoSuchLane(letter))
    }

    /// Returns the letter of the lane that takes a party of this size.
    pub(crate) fn lane_for(&self, party: u32) -> Result<LaneLetter, QueueError> {
        let fits = self.lanes.iter().find(|lane| lane.takes(party));
        fits.map(|lane| lane.letter)
            .ok_or(QueueError::NoLaneFor { party })
    }

    /// Takes the next sequence number.
    pub(crate) fn next_sequence(&mut self) -> Result<u32, QueueError> {
        if self.sequence >= self.tickets_max {
            return Err(QueueError::LineFull {
                tickets_max: self.tickets_max,
            });
        }
        self.sequence += 1;
        Ok(self.sequence)
    }
}
