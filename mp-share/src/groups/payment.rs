use std::time::Duration;

use mp_core::{
    Error, Timestamp,
    id::UserId,
    steps::{PaymentParticipant, Plan, Step},
};

use super::roster::Roster;
use crate::{
    group::GroupState,
    member::{MemberId, MemberState},
    offers::Offers,
};

/// How many members' payments one commit begins; the others follow in further ones.
///
/// Each takes at most two writes: the plan and the work that drives it.
const PORTION_MAX: usize = 512;

/// For how long after a group's deadline its pieces are held: so that a group which fills at the
/// last moment gets them, even if nobody does due work for a while.
const STOCK_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How the members of a group come to pay.
impl Roster<'_> {
    /// Begins the payment of a member that has none.
    pub(super) fn begin_to_pay(&mut self, id: &MemberId) -> Result<(), Error> {
        let Some(member) = self.member(id)? else {
            return Ok(());
        };
        let plan = self.plan_to_pay(&id.user, self.pay_until(member.joined_at))?;
        self.put_plan(id.number, plan);
        if self.group.planned + 1 == id.number.0.get() {
            self.group.planned += 1;
        }
        Ok(())
    }

    /// Begins the payments of those who took a seat and did not wait, in their order and as far as
    /// one commit goes; tells whether there are more.
    pub(super) fn begin_payments(&mut self, now: Timestamp) -> Result<bool, Error> {
        if self.group.state_at(now) != GroupState::Open {
            // Whoever has a seat is let go of with the group.
            return Ok(false);
        }
        let planned = self.group.planned;
        let mut waiting = self.members_that(|number, member| {
            Ok(number.0.get() > planned && member.state == MemberState::Reserved)
        })?;
        let more = waiting.len() > PORTION_MAX;
        waiting.truncate(PORTION_MAX);
        for id in &waiting {
            self.see_to_payment(id, now)?;
        }
        let last = waiting.last().filter(|_| more);
        self.group.planned = last.map_or(self.group.attempts, |id| id.number.0.get());
        Ok(more)
    }

    /// Begins a member's payment if that has not been done; when it is too late for it, the seat lapses.
    /// Tells whether anything changed.
    pub(super) fn see_to_payment(&mut self, id: &MemberId, now: Timestamp) -> Result<bool, Error> {
        let member = self.member(id)?;
        let waiting = member.filter(|member| member.state == MemberState::Reserved);
        let Some(member) = waiting.filter(|_| self.group.state_at(now) == GroupState::Open) else {
            return Ok(false);
        };
        if self.plan(id.number)?.is_some() {
            return Ok(false);
        }
        if self.pay_until(member.joined_at) <= now {
            self.let_go(id, "unpaid", now)?;
        } else {
            self.begin_to_pay(id)?;
        }
        Ok(true)
    }

    /// Returns until when somebody pays who takes a seat now.
    pub(super) fn pay_until(&self, now: Timestamp) -> Timestamp {
        let hold = self.group.terms.seat_hold;
        now.plus(hold).min(self.group.deadline)
    }

    /// First a piece, then the money: what can be refused cheaply is asked for first.
    fn plan_to_pay(&self, user: &UserId, pay_until: Timestamp) -> Result<Plan, Error> {
        let hold_until = self.group.deadline.plus(STOCK_GRACE);
        let piece = Offers::request(user, 1)?;
        let payment = PaymentParticipant::request(user, self.group.terms.group_price)?;
        Plan::new(vec![
            Step::new(Offers::PARTICIPANT, piece, hold_until),
            Step::new(PaymentParticipant::NAME, payment, pay_until),
        ])
    }
}

/// Returns who pays by a plan of a group's member: whoever the piece is for.
pub(super) fn payer(plan: &Plan) -> Result<UserId, Error> {
    let piece = plan.steps().first();
    let piece = piece.ok_or_else(|| Error::invalid("plan", "has no steps"))?;
    Offers::requested_for(&piece.request)
}
