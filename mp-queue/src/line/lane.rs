use mp_core::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, LaneLetter, LaneSetup};
use crate::{
    quote::{Calibration, Pace, Quote},
    ticket::{Ticket, TicketNumber},
};

/// One lane of a line: a party-size class, called strictly in the order of its numbers.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lane {
    /// Its letter, the prefix of its numbers.
    pub letter: LaneLetter,
    /// The smallest party.
    pub party_min: u32,
    /// The largest party.
    pub party_max: u32,
    /// How many tickets are in each state.
    pub counts: Counts,
    /// The number called last.
    pub last_called: Option<TicketNumber>,
    /// When it was called.
    pub last_called_at: Option<Timestamp>,
    /// How fast the lane moves.
    pub pace: Pace,
    /// How its quotes came true.
    pub calibration: Calibration,
    /// How many numbers were given out.
    pub(crate) issued: u32,
    /// Every ticket up to this sequence number has heard that its turn is near.
    pub(crate) told: u32,
}

impl Lane {
    pub(crate) fn open(setup: &LaneSetup) -> Self {
        Self {
            letter: setup.letter,
            party_min: setup.party_min,
            party_max: setup.party_max,
            counts: Counts::default(),
            last_called: None,
            last_called_at: None,
            pace: Pace::expected(setup.interval),
            calibration: Calibration::default(),
            issued: 0,
            told: 0,
        }
    }

    /// Returns whether the lane takes a party of this size.
    #[must_use]
    pub fn takes(&self, party: u32) -> bool {
        (self.party_min..=self.party_max).contains(&party)
    }

    /// Returns the quote for a ticket with `ahead` waiting before it, once the pace is known.
    #[must_use]
    pub fn quote(&self, ahead: u32) -> Option<Quote> {
        Quote::of(ahead, &self.pace, &self.calibration)
    }

    /// Gives out the next number.
    pub(crate) fn issue(&mut self) -> TicketNumber {
        self.issued = self.issued.saturating_add(1);
        TicketNumber::new(self.letter, self.issued)
    }

    /// Takes note of a call, which tells the lane's pace.
    ///
    /// The time since the last call tells the pace only if the ticket waited through all of it;
    /// else the lane stood empty in between. A call that repeats one taken back tells nothing.
    pub(crate) fn note_call(&mut self, ticket: &Ticket, now: Timestamp) {
        if let Some(last) = self.last_called_at
            && ticket.queued_at <= last
            && !ticket.was_called_here()
        {
            self.pace.observe(now.since(last));
        }
        self.last_called = Some(ticket.number);
        self.last_called_at = Some(now);
    }

    /// Takes note of how long a ticket has waited that was quoted something.
    pub(crate) fn note_wait(&mut self, ticket: &Ticket, now: Timestamp) {
        if let Some(promise) = &ticket.promise {
            let waited = now.since(ticket.queued_at);
            self.calibration.observe(&promise.quote, waited);
        }
    }
}
