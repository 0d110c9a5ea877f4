use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Request;
use crate::clock::Timestamp;

/// One reservation of a plan.
///
/// `Debug` leaves out what it waits for: of a payment, whoever has it could pay with it.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct Step {
    /// The participant's name.
    pub participant: String,
    /// What is asked of it.
    pub request: Request,
    /// Until when it holds what it reserved; after that it is of no use to reserve it.
    pub until: Timestamp,
    /// Where it stands.
    pub state: StepState,
    /// Why it was refused, or what it waits for.
    #[serde(default)]
    pub detail: Option<Value>,
}

impl Step {
    /// Asks a participant for a reservation until a time.
    #[must_use]
    pub fn new(participant: &str, request: impl Into<Request>, until: Timestamp) -> Self {
        let participant = participant.to_owned();
        Self {
            participant,
            request: request.into(),
            until,
            state: StepState::Planned,
            detail: None,
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut step = f.debug_struct("Step");
        step.field("participant", &self.participant)
            .field("request", &self.request)
            .field("until", &self.until)
            .field("state", &self.state);
        match self.state {
            StepState::Refused => step.field("detail", &self.detail),
            _ => step.field("detail", &self.detail.as_ref().map(|_| format_args!("***"))),
        };
        step.finish()
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not asked for yet, or asked for without an answer.
    Planned,
    /// The participant waits for somebody.
    Pending,
    /// Held.
    Reserved,
    /// Kept for good.
    Confirmed,
    /// Refused; there is nothing to release.
    Refused,
    /// Let go of, or never asked for.
    Released,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

impl StepState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 7] = [
        Self::Planned,
        Self::Pending,
        Self::Reserved,
        Self::Confirmed,
        Self::Refused,
        Self::Released,
        Self::Unrecognized,
    ];

    /// Returns the state after what was seen, or `None` if that changes nothing.
    ///
    /// ```text
    ///              Reserved   Pending   Refused    Confirmed   Released
    /// Planned      Reserved   Pending   Refused    -           Released
    /// Pending      Reserved   -         Refused    -           Released
    /// Reserved     -          -         Refused    Confirmed   Released
    /// Confirmed    -          -         -          -           Released
    /// Refused      -          -         -          -           Released
    /// Released     -          -         -          -           -
    /// ```
    ///
    /// A late answer to a call that was overtaken finds a state in which it changes nothing.
    #[must_use]
    pub const fn next(self, seen: &Seen) -> Option<Self> {
        match (self, seen) {
            (Self::Planned | Self::Pending, Seen::Reserved) => Some(Self::Reserved),
            (Self::Planned, Seen::Pending(_)) => Some(Self::Pending),
            (Self::Planned | Self::Pending | Self::Reserved, Seen::Refused(_)) => {
                Some(Self::Refused)
            }
            (Self::Reserved, Seen::Confirmed) => Some(Self::Confirmed),
            (
                Self::Planned | Self::Pending | Self::Reserved | Self::Confirmed | Self::Refused,
                Seen::Released,
            ) => Some(Self::Released),
            _ => None,
        }
    }
}

/// What a participant was seen to answer.
///
/// `Debug` leaves out what it waits for, as that of [`Step`] does.
#[derive(Clone, PartialEq)]
pub enum Seen {
    /// It holds what was asked for.
    Reserved,
    /// It waits for somebody.
    Pending(Value),
    /// It refuses for good.
    Refused(String),
    /// It keeps what was reserved.
    Confirmed,
    /// It has let go.
    Released,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved => f.write_str("Reserved"),
            Self::Pending(_) => f.write_str("Pending(***)"),
            Self::Refused(code) => f.debug_tuple("Refused").field(code).finish(),
            Self::Confirmed => f.write_str("Confirmed"),
            Self::Released => f.write_str("Released"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        port::{Reserved, Secured},
        steps::Plan,
    };

    #[test]
    fn debug_shows_nothing_that_a_payer_pays_with() {
        let action = json!({"type": "client_sdk", "payload": {"client_secret": "pi_1_secret_2"}});
        let step = Step::new("payment", json!({"amount": 1}), Timestamp::MAX);
        let plan = Plan::new(vec![step]).expect("a plan");
        let pending = plan.observe(0, &Seen::Pending(action.clone()));
        let released = pending.release().observe(0, &Seen::Released);
        assert!(released.steps()[0].detail.is_some());
        for shown in [
            format!("{:?}", Secured::NeedsAction(action.clone())),
            format!("{:?}", Reserved::Pending(action.clone())),
            format!("{:?}", Seen::Pending(action)),
            format!("{pending:?}"),
            format!("{released:#?}"),
        ] {
            assert!(shown.contains("***"), "{shown}");
            assert!(!shown.contains("secret"), "{shown}");
        }
        let refused = plan.observe(0, &Seen::Refused("sold_out".into()));
        let shown = format!("{refused:?} {:?}", Seen::Refused("sold_out".into()));
        assert_eq!(shown.matches("sold_out").count(), 2, "{shown}");
    }

    #[test]
    fn every_state_and_answer_has_one_outcome() {
        use StepState::{Confirmed, Pending, Planned, Refused, Released, Reserved, Unrecognized};
        let answers = [
            Seen::Reserved,
            Seen::Pending(Value::Null),
            Seen::Refused("no".into()),
            Seen::Confirmed,
            Seen::Released,
        ];
        let table = [
            (
                Planned,
                [
                    Some(Reserved),
                    Some(Pending),
                    Some(Refused),
                    None,
                    Some(Released),
                ],
            ),
            (
                Pending,
                [Some(Reserved), None, Some(Refused), None, Some(Released)],
            ),
            (
                Reserved,
                [None, None, Some(Refused), Some(Confirmed), Some(Released)],
            ),
            (Confirmed, [None, None, None, None, Some(Released)]),
            (Refused, [None, None, None, None, Some(Released)]),
            (Released, [None; 5]),
            (Unrecognized, [None; 5]),
        ];
        assert_eq!(table.map(|(state, _)| state), StepState::ALL);
        for (state, row) in table {
            for (answer, expected) in answers.iter().zip(row) {
                assert_eq!(state.next(answer), expected, "{state:?} {answer:?}");
            }
        }
    }
}
