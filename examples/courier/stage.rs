use std::fmt;

use mp_core::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where an errand stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// It was asked for; the customer's money is to be held.
    Ordered,
    /// The money is held, and the dish on its way.
    UnderWay,
    /// The customer has the dish; the money is to be taken.
    HandedOver,
    /// The courier is to be paid.
    WageDue,
    /// Everybody has what is theirs.
    Closed,
    /// The customer's money was not to be had, or not held until the dish came: nothing was brought.
    Refused,
    /// The courier could not be paid: a person has to look.
    Owed,
}

/// What happens to an errand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The customer has to do something before the money is held: what, as data for a screen.
    Asked(Value),
    /// The customer's money is held.
    Secured,
    /// It was not to be had.
    Refused(String),
    /// The courier has handed the dish over.
    HandedOver(UserId),
    /// The customer's money was taken.
    Charged,
    /// It was not there any more: the market bears it, not the courier who has handed the dish over.
    Lost(String),
    /// The courier was paid.
    Paid,
    /// The courier's account took no money.
    Unpaid(String),
    /// A person wants the courier to be paid once more.
    PayAgain,
}

impl Stage {
    /// Returns where an event leads; nowhere if it does not belong here.
    pub(crate) const fn next(self, event: &Event) -> Option<Self> {
        Some(match (self, event) {
            (Self::Ordered, Event::Asked(_)) => Self::Ordered,
            (Self::Ordered, Event::Secured) => Self::UnderWay,
            (Self::Ordered, Event::Refused(_)) | (Self::UnderWay, Event::Lost(_)) => Self::Refused,
            (Self::UnderWay, Event::HandedOver(_)) => Self::HandedOver,
            (Self::HandedOver, Event::Charged | Event::Lost(_)) | (Self::Owed, Event::PayAgain) => {
                Self::WageDue
            }
            (Self::WageDue, Event::Paid) => Self::Closed,
            (Self::WageDue, Event::Unpaid(_)) => Self::Owed,
            _ => return None,
        })
    }

    /// Returns whether money is to be moved, or its whereabouts to be learnt.
    pub(crate) const fn is_due(self) -> bool {
        matches!(self, Self::Ordered | Self::HandedOver | Self::WageDue)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ordered => "ordered",
            Self::UnderWay => "under way",
            Self::HandedOver => "handed over",
            Self::WageDue => "the wage is due",
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Owed => "the wage is owed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_and_event_has_one_outcome() {
        use Stage::{Closed, HandedOver, Ordered, Owed, Refused, UnderWay, WageDue};
        let code = || "code".to_owned();
        let events = [
            (Event::Asked(Value::Null), vec![(Ordered, Ordered)]),
            (Event::Secured, vec![(Ordered, UnderWay)]),
            (Event::Refused(code()), vec![(Ordered, Refused)]),
            (
                Event::HandedOver("hugo".parse().expect("a user")),
                vec![(UnderWay, HandedOver)],
            ),
            (Event::Charged, vec![(HandedOver, WageDue)]),
            (
                Event::Lost(code()),
                vec![(UnderWay, Refused), (HandedOver, WageDue)],
            ),
            (Event::Paid, vec![(WageDue, Closed)]),
            (Event::Unpaid(code()), vec![(WageDue, Owed)]),
            (Event::PayAgain, vec![(Owed, WageDue)]),
        ];
        let stages = [
            Ordered, UnderWay, HandedOver, WageDue, Closed, Refused, Owed,
        ];
        for (event, leads) in &events {
            for stage in stages {
                let expected = leads.iter().find(|(from, _)| *from == stage);
                let expected = expected.map(|(_, to)| *to);
                assert_eq!(stage.next(event), expected, "{stage:?} {event:?}");
            }
        }
    }
}
