use std::time::Duration;

use mp_core::{
    Error, Timestamp,
    id::UserId,
    steps::{PaymentParticipant, Plan, Step},
};

use super::roster::Roster;
use crate::{
    group::GroupState,
    member::{MemberId, MemberNumber, MemberState},
    offers::Offers,
};

/// How many members' payments one commit begins; the others follow in further ones.
///
/// Each takes at most two writes: the plan and the work that drives it.
const PORTION_MAX: usize = 512;

/// The most pieces of former members that one plan gives back: more than come free at once in most
/// groups, and so few that nobody waits for it.
const FORMER_MAX: usize = 64;

/// For how long after a group's deadline its pieces are held: so that a group which fills at the
/// last moment gets them, even if nobody does due work for a while.
const STOCK_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Which step of a member's plan holds the piece.
const STOCK_STEP: usize = 0;

/// How the members of a group come to pay.
impl Roster<'_> {
    /// Begins the payment of a member that has none.
    ///
    /// The plan gives back first what was the user's own before, and what was held for seats that have
    /// come free: one of them is this seat. Their own plans give back the money before the piece, and
    /// until then it would be refused for good.
    pub(super) fn begin_to_pay(&mut self, id: &MemberId) -> Result<(), Error> {
        let Some(member) = self.member(id)? else {
            return Ok(());
        };
        let former = self.former(&id.user)?;
        let plan = self.plan_to_pay(&id.user, &former, self.pay_until(member.joined_at))?;
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
        let mut releasing = self.releasing()?.into_iter();
        for id in &waiting {
            // A former member's piece for each, so that no plan does the work of all.
            self.freed.extend(releasing.next());
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

    /// Returns those who are being let go of, in the order of their numbers.
    pub(super) fn releasing(&self) -> Result<Vec<MemberNumber>, Error> {
        let found = self.members_that(|_, member| Ok(member.state == MemberState::Releasing))?;
        Ok(found.into_iter().map(|id| id.number).collect())
    }

    /// Takes those whose pieces are given back before a user's new one is asked for: the user's own first.
    fn former(&mut self, user: &UserId) -> Result<Vec<MemberNumber>, Error> {
        let all = self.memberships(user)?;
        let own = all.iter().flat_map(|all| &all.members);
        let own = own.filter(|(_, member)| member.state == MemberState::Releasing);
        let mut former: Vec<_> = own.map(|(number, _)| *number).collect();
        self.freed.retain(|number| !former.contains(number));
        let room = FORMER_MAX.saturating_sub(former.len());
        former.extend(self.freed.drain(..room.min(self.freed.len())));
        Ok(former)
    }

    /// Returns until when somebody pays who takes a seat now.
    pub(super) fn pay_until(&self, now: Timestamp) -> Timestamp {
        let hold = self.group.terms.seat_hold;
        now.plus(hold).min(self.group.deadline)
    }

    /// First a piece, then the money: what can be refused cheaply is asked for first.
    fn plan_to_pay(
        &self,
        user: &UserId,
        former: &[MemberNumber],
        pay_until: Timestamp,
    ) -> Result<Plan, Error> {
        let hold_until = self.group.deadline.plus(STOCK_GRACE);
        let former = former.iter().map(|number| self.plan_id(*number));
        let former = former.map(|plan| format!("{plan}.{STOCK_STEP}"));
        let piece = Offers::request_instead_of(former.collect(), user)?;
        let payment = PaymentParticipant::request(user, self.group.terms.group_price)?;
        Plan::new(vec![
            Step::new(Offers::PARTICIPANT, piece, hold_until),
            Step::new(PaymentParticipant::NAME, payment, pay_until),
        ])
    }
}

/// Returns who pays by a plan of a group's member: whoever the piece is for.
pub(super) fn payer(plan: &Plan) -> Result<UserId, Error> {
    let piece = plan.steps().get(STOCK_STEP);
    let piece = piece.ok_or_else(|| Error::invalid("plan", "has no steps"))?;
    Offers::requested_for(&piece.request)
}
