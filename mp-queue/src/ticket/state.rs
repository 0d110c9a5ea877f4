use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a ticket stands in its life.
///
/// The transition table, by state and [`TicketEvent`]; `–` is refused, `=` changes nothing:
///
/// | | call | serve | no-show | leave | recall | requeue |
/// |---|---|---|---|---|---|---|
/// | waiting | called | – | – | left | – | – |
/// | called | – | served | no-show | left | waiting | – |
/// | served | – | = | – | – | – | – |
/// | no-show | – | – | = | – | – | waiting |
/// | left | – | – | – | = | – | – |
/// | unrecognized | – | – | – | – | – | – |
///
/// ```
/// use mp_queue::ticket::{TicketEvent, TicketState};
///
/// let called = TicketState::Waiting.next(TicketEvent::Call)?;
/// assert_eq!(called.next(TicketEvent::Serve)?, TicketState::Served);
/// assert!(TicketState::Waiting.next(TicketEvent::Serve).is_err());
/// # Ok::<(), mp_queue::ticket::IllegalMove>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TicketState {
    /// In the line.
    Waiting,
    /// Called to the counter, for as long as the grace period lasts.
    Called,
    /// Came and was served.
    Served,
    /// Was called and did not come in time.
    NoShow,
    /// Left the line of their own accord.
    Left,
    /// Written by a newer release; nothing here moves on from it.
    #[serde(other)]
    Unrecognized,
}

impl TicketState {
    /// Every state, for tables over all of them.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Called,
        Self::Served,
        Self::NoShow,
        Self::Left,
        Self::Unrecognized,
    ];

    /// Returns the state after an event.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] where the table shows a dash.
    pub const fn next(self, event: TicketEvent) -> Result<Self, IllegalMove> {
        use TicketEvent as Event;
        match (self, event) {
            (Self::Waiting, Event::Call) => Ok(Self::Called),
            (Self::Called | Self::Served, Event::Serve) => Ok(Self::Served),
            (Self::Called | Self::NoShow, Event::NoShow) => Ok(Self::NoShow),
            (Self::Waiting | Self::Called | Self::Left, Event::Leave) => Ok(Self::Left),
            (Self::Called, Event::Recall) | (Self::NoShow, Event::Requeue) => Ok(Self::Waiting),
            (state, event) => Err(IllegalMove { state, event }),
        }
    }

    /// Returns whether the ticket's owner still waits or is expected: one such ticket per person
    /// and line.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Called)
    }
}

/// What can happen to a ticket.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TicketEvent {
    /// Its turn has come.
    Call,
    /// Its owner came to the counter.
    Serve,
    /// Its owner did not come.
    NoShow,
    /// Its owner gives it up.
    Leave,
    /// The call is taken back: the ticket waits again at its old place.
    Recall,
    /// Its owner came too late and waits again, at the end of the lane under a new number.
    Requeue,
}

impl TicketEvent {
    /// Every event, for tables over all of them.
    pub const ALL: [Self; 6] = [
        Self::Call,
        Self::Serve,
        Self::NoShow,
        Self::Leave,
        Self::Recall,
        Self::Requeue,
    ];
}

/// Says that a ticket's state does not allow an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a ticket in state {state:?} does not allow {event:?}")]
#[non_exhaustive]
pub struct IllegalMove {
    /// The state the ticket is in.
    pub state: TicketState,
    /// What was asked of it.
    pub event: TicketEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the documentation, row by row.
    fn table(state: TicketState) -> [Option<TicketState>; 6] {
        use TicketState::{Called, Left, NoShow, Served, Unrecognized, Waiting};
        match state {
            Waiting => [Some(Called), None, None, Some(Left), None, None],
            Called => [
                None,
                Some(Served),
                Some(NoShow),
                Some(Left),
                Some(Waiting),
                None,
            ],
            Served => [None, Some(Served), None, None, None, None],
            NoShow => [None, None, Some(NoShow), None, None, Some(Waiting)],
            Left => [None, None, None, Some(Left), None, None],
            Unrecognized => [None; 6],
        }
    }

    #[test]
    fn every_state_answers_every_event_as_the_table_says() {
        for state in TicketState::ALL {
            for (event, expected) in TicketEvent::ALL.into_iter().zip(table(state)) {
                let refusal = IllegalMove { state, event };
                assert_eq!(
                    state.next(event),
                    expected.ok_or(refusal),
                    "{state:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn served_and_left_are_final() {
        for state in [TicketState::Served, TicketState::Left] {
            for event in TicketEvent::ALL {
                assert!(
                    state.next(event).is_ok_and(|next| next == state) || state.next(event).is_err()
                );
            }
        }
    }

    #[test]
    fn a_state_of_a_newer_release_reads_as_unrecognized() {
        let read: TicketState = serde_json::from_str(r#""teleported""#).expect("reads");
        assert_eq!(read, TicketState::Unrecognized);
        for state in TicketState::ALL {
            let text = serde_json::to_string(&state).expect("writes");
            assert_eq!(
                serde_json::from_str::<TicketState>(&text).expect("reads"),
                state
            );
        }
    }
}
