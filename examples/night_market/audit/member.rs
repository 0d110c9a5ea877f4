use std::collections::BTreeMap;

use serde::Deserialize;

use super::money::Cents;

/// One user's record: what became of each membership, by its number.
#[derive(Deserialize)]
pub(super) struct Memberships {
    pub(super) user: String,
    pub(super) members: BTreeMap<u32, Member>,
}

/// One membership.
#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) state: String,
    seat: Seat,
}

#[derive(Deserialize)]
struct Seat {
    state: String,
}

/// The plan that reserves a member's piece and money.
#[derive(Deserialize)]
pub(super) struct Plan {
    steps: Vec<Step>,
    pub(super) standing: String,
}

#[derive(Deserialize)]
struct Step {
    participant: String,
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    amount: Option<Cents>,
}

impl Member {
    /// Returns whether the member has a seat.
    pub(super) fn has_seat(&self) -> bool {
        matches!(self.state.as_str(), "reserved" | "secured" | "confirmed")
    }

    /// Returns whether a seat is held or kept for the member.
    pub(super) fn takes_a_seat(&self) -> bool {
        matches!(self.seat.state.as_str(), "reserved" | "confirmed")
    }
}

impl Plan {
    /// Returns what the member is to pay.
    pub(super) fn price(&self) -> Option<i64> {
        let mut steps = self.steps.iter();
        let payment = steps.find(|step| step.participant == "payment")?;
        payment.request.amount.map(|amount| amount.0)
    }
}
