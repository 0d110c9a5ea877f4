use std::collections::BTreeMap;

use serde::Deserialize;

use super::money::Cents;

/// One member's record.
#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) number: u32,
    pub(super) user: String,
    pub(super) state: String,
    seat: Seat,
}

#[derive(Deserialize)]
struct Seat {
    takes: BTreeMap<String, u64>,
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

    /// Returns how many seats are held or kept for the member.
    pub(super) fn takes(&self) -> u64 {
        match self.seat.state.as_str() {
            "reserved" | "confirmed" => self.seat.takes.values().sum(),
            _ => 0,
        }
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
