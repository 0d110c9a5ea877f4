use std::fmt;

use mp_core::{
    Timestamp,
    amount::Money,
    label::Label,
    steps::{Plan, StepState},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    group::{Group, GroupId, GroupState, SEATS},
    member::{Member, MemberNumber, MemberState},
    offer::OfferId,
};

/// A group as its members and those who are invited see it: nobody else is named in it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct GroupView {
    /// Its id.
    pub group: GroupId,
    /// What is bought.
    pub offer: OfferId,
    /// What it is, for people to read.
    pub title: Label,
    /// What each member pays.
    pub price: Money,
    /// Where it stands.
    pub state: GroupState,
    /// How many members make it full.
    pub size: u32,
    /// How many seats are paid for.
    pub secured: u32,
    /// How many seats are free to take. One whose time has passed counts from when it is given back,
    /// which due work does, and whoever asks for a seat when none is free: to look through all
    /// members for it here would cost every look at the group.
    pub free: u32,
    /// When it expires unless it is full by then.
    pub deadline: Timestamp,
    /// The caller's own part in it: the one that a call was about, also when it is repeated later, and
    /// else the last.
    pub membership: Option<Membership>,
}

/// The caller's own part in a group.
///
/// `Debug` leaves out what the payer has to do: whoever has it could pay with it.
#[derive(Clone, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Membership {
    /// Its number.
    pub number: MemberNumber,
    /// Where it stands.
    pub state: MemberState,
    /// Until when the seat is held for its payment.
    pub held_until: Timestamp,
    /// What the payer has to do before the money is secured, as data for a screen; nothing once the time
    /// for it, or the group's, is over.
    pub needs_action: Option<Value>,
    /// Why it came to nothing, as a code.
    pub reason: Option<String>,
}

impl GroupView {
    pub(super) fn of(group: &Group, membership: Option<Membership>, now: Timestamp) -> Self {
        Self {
            group: group.id,
            offer: group.offer,
            title: group.terms.title.clone(),
            price: group.terms.group_price,
            state: group.state_at(now),
            size: group.terms.group_size,
            secured: group.secured(),
            free: group.seats.free(SEATS),
            deadline: group.deadline,
            membership,
        }
    }
}

impl Membership {
    pub(super) fn of(
        group: &Group,
        number: MemberNumber,
        member: &Member,
        plan: Option<&Plan>,
        now: Timestamp,
    ) -> Self {
        // Whoever is being let go of pays for nothing any more, whatever the step still waits for; nor does
        // whoever is about to be.
        let pays = member.state == MemberState::Reserved
            && group.state_at(now) == GroupState::Open
            && !member.seat.has_lapsed(now);
        let pending = plan.filter(|_| pays).and_then(|plan| {
            let mut steps = plan.steps().iter();
            steps.find(|step| step.state == StepState::Pending && step.until > now)
        });
        Self {
            number,
            state: member.state,
            held_until: member.seat.until,
            needs_action: pending.and_then(|step| step.detail.clone()),
            reason: member.reason.clone(),
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs_action = self.needs_action.as_ref().map(|_| format_args!("***"));
        f.debug_struct("Membership")
            .field("number", &self.number)
            .field("state", &self.state)
            .field("held_until", &self.held_until)
            .field("needs_action", &needs_action)
            .field("reason", &self.reason)
            .finish()
    }
}
