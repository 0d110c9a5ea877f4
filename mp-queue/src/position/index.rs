use std::collections::{BTreeMap, HashMap};

use mp_core::{
    Command, Engine, Error, ErrorKind, Timestamp, document,
    id::UserId,
    store::{Change, Partition, Version},
};

use super::{Position, fenwick::Fenwick};
use crate::{
    desk::Shelf,
    error::QueueError,
    line::{LaneLetter, Line, TICKETS_MAX},
    ticket::{Ticket, TicketId, TicketNumber, TicketState},
};

/// How many changes are asked of the store at a time.
const CHANGES_MAX: u32 = 4_096;

/// Who waits in one line, in memory: rebuilt from its records, then kept up to date by its changes.
#[derive(Debug)]
pub(crate) struct LineIndex {
    head: Version,
    as_of: Timestamp,
    line: Line,
    waiting: BTreeMap<LaneLetter, Fenwick>,
    tickets: HashMap<TicketId, Spot>,
    spots: HashMap<(LaneLetter, u32), TicketId>,
}

#[derive(Debug)]
struct Spot {
    owner: UserId,
    number: TicketNumber,
    lane: LaneLetter,
    sequence: u32,
}

impl LineIndex {
    /// Reads a line's waiting tickets.
    pub(super) async fn build(engine: &Engine, partition: &Partition) -> Result<Self, QueueError> {
        let as_of = engine.now();
        let command = Command::on(partition.clone()).prefix(Shelf::Waiting.prefix());
        let family = engine.read(command).await?;
        let line = family.root::<Line>()?.ok_or(QueueError::NoSuchLine)?;
        let mut index = Self {
            head: family.head(),
            as_of,
            line: Line::clone(&line),
            waiting: BTreeMap::new(),
            tickets: HashMap::new(),
            spots: HashMap::new(),
        };
        for (_, ticket) in family.scan::<Ticket>(Shelf::Waiting.prefix())? {
            index.put(&ticket)?;
        }
        Ok(index)
    }

    /// Follows the line's changes up to the present; returns whether they reach that far back.
    pub(super) async fn follow(
        &mut self,
        engine: &Engine,
        partition: &Partition,
    ) -> Result<bool, QueueError> {
        let as_of = engine.now();
        loop {
            let changes = engine
                .store()
                .changes(partition, self.head, CHANGES_MAX)
                .await
                .map_err(Error::from)?;
            if changes.lapsed {
                return Ok(false);
            }
            for change in &changes.items {
                self.apply(change)?;
            }
            self.head = changes.head;
            if !changes.more {
                self.as_of = as_of;
                return Ok(true);
            }
        }
    }

    fn apply(&mut self, change: &Change) -> Result<(), QueueError> {
        let spot = Shelf::Waiting.parse(change.key.as_str());
        match (&change.value, spot) {
            (Some(value), None) if change.key.is_root() => {
                self.line = document::decode::<Line>(value)?.0;
            }
            (Some(value), Some(_)) => self.put(&document::decode::<Ticket>(value)?.0)?,
            (None, Some((lane, sequence))) => self.remove(lane, sequence),
            (_, None) => {}
        }
        Ok(())
    }

    fn put(&mut self, ticket: &Ticket) -> Result<(), QueueError> {
        if ticket.sequence > TICKETS_MAX {
            return Err(out_of_range().into());
        }
        let waiting = self.waiting.entry(ticket.lane).or_default();
        waiting.insert(ticket.sequence);
        self.spots.insert((ticket.lane, ticket.sequence), ticket.id);
        let spot = Spot {
            owner: ticket.owner.clone(),
            number: ticket.number,
            lane: ticket.lane,
            sequence: ticket.sequence,
        };
        self.tickets.insert(ticket.id, spot);
        Ok(())
    }

    fn remove(&mut self, lane: LaneLetter, sequence: u32) {
        if let Some(waiting) = self.waiting.get_mut(&lane) {
            waiting.remove(sequence);
        }
        let Some(id) = self.spots.remove(&(lane, sequence)) else {
            return;
        };
        // A ticket that was requeued has another spot by now.
        if self
            .tickets
            .get(&id)
            .is_some_and(|spot| spot.sequence == sequence)
        {
            self.tickets.remove(&id);
        }
    }

    /// Returns the moment that the index shows.
    pub(super) const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Returns a waiting ticket's owner and position.
    pub(crate) fn position(&self, ticket: TicketId) -> Option<(&UserId, Position)> {
        let spot = self.tickets.get(&ticket)?;
        let ahead = self.waiting.get(&spot.lane)?.below(spot.sequence);
        let lane = self.line.lane(spot.lane);
        let position = Position {
            ticket,
            number: spot.number,
            state: TicketState::Waiting,
            ahead,
            quote: lane.and_then(|lane| lane.quote(ahead)),
            as_of: self.as_of,
        };
        Some((&spot.owner, position))
    }
}

/// The error of a place that no line gives out: memory must not grow with it.
fn out_of_range() -> Error {
    let message = "a stored ticket has a place that no line gives out";
    Error::new(ErrorKind::Corrupt, "corrupt_record", message)
}
