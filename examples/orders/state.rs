use mp_core::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It waits for its payment.
    Placed,
    /// The money was taken.
    Paid,
    /// It was handed over.
    Fulfilled,
    /// The buyer wants to give it back.
    ReturnRequested,
    /// It was taken back, and the money given back.
    Returned,
    /// It was not paid, and will not be.
    Canceled,
    /// Something a newer release knows; no transition leads away from it.
    #[serde(other)]
    Unrecognized,
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderEvent {
    /// The money was taken.
    Pay,
    /// The payment was declined.
    Cancel,
    /// Staff hand it over.
    Fulfil,
    /// The buyer asks to give it back.
    RequestReturn,
    /// The money was given back.
    Return,
}

impl OrderState {
    /// Returns the state after an event.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`] for every pair that is not listed here.
    pub const fn next(self, event: OrderEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Placed, OrderEvent::Pay) => Ok(Self::Paid),
            (Self::Placed, OrderEvent::Cancel) => Ok(Self::Canceled),
            (Self::Paid, OrderEvent::Fulfil) => Ok(Self::Fulfilled),
            (Self::Fulfilled, OrderEvent::RequestReturn) => Ok(Self::ReturnRequested),
            (Self::ReturnRequested, OrderEvent::Return) => Ok(Self::Returned),
            (state, event) => Err(IllegalTransition { state, event }),
        }
    }
}

/// An event that does not fit the order's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} does not fit an order that is {state:?}: read it again")]
pub struct IllegalTransition {
    state: OrderState,
    event: OrderEvent,
}

impl From<IllegalTransition> for Error {
    fn from(error: IllegalTransition) -> Self {
        Self::new(ErrorKind::Refused, "order_state", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{OrderEvent as E, OrderState as S, *};

    const STATES: [S; 7] = [
        S::Placed,
        S::Paid,
        S::Fulfilled,
        S::ReturnRequested,
        S::Returned,
        S::Canceled,
        S::Unrecognized,
    ];
    const EVENTS: [E; 5] = [E::Pay, E::Cancel, E::Fulfil, E::RequestReturn, E::Return];

    #[test]
    fn every_event_in_every_state_moves_on_as_listed_or_is_refused() {
        let no = None;
        let table = [
            [Some(S::Paid), Some(S::Canceled), no, no, no],
            [no, no, Some(S::Fulfilled), no, no],
            [no, no, no, Some(S::ReturnRequested), no],
            [no, no, no, no, Some(S::Returned)],
            [no; 5],
            [no; 5],
            [no; 5],
        ];
        for (state, row) in STATES.into_iter().zip(table) {
            for (event, expected) in EVENTS.into_iter().zip(row) {
                let expected = expected.ok_or(IllegalTransition { state, event });
                assert_eq!(state.next(event), expected, "{state:?} × {event:?}");
            }
        }
    }

    #[test]
    fn a_state_of_a_newer_release_is_read_and_never_left() {
        let state: S = serde_json::from_str(r#""gift_wrapped""#).expect("reads");
        assert_eq!(state, S::Unrecognized);
        assert!(EVENTS.iter().all(|event| state.next(*event).is_err()));
    }
}
