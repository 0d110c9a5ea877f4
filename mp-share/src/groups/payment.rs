use std::{num::NonZeroU32, time::Duration};

use mp_core::{
    Error, Timestamp,
    id::UserId,
    steps::{PaymentParticipant, Plan, Step},
};

use super::roster::Roster;
use crate::{
    group::GroupState,
    member::{MemberNumber, MemberState},
    offers::Offers,
};

/// How many members one commit looks at to begin their payments; the others follow in further ones.
///
/// Each takes at most three writes: either a plan and the work that drives it, or member, seat and
/// offer are given back.
const PORTION_MAX: u32 = 512;

/// For how long after a group's deadline its pieces are held: so that a group which fills at the
/// last moment gets them, even if nobody does due work for a while.
const STOCK_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How the members of a group come to pay.
impl Roster<'_> {
    /// Begins the payment of a member that has none.
    pub(super) fn begin_to_pay(&mut self, number: MemberNumber) -> Result<(), Error> {
        let Some(member) = self.member(number)? else {
            return Ok(());
        };
        let plan = self.plan_to_pay(&member.user, self.pay_until(member.joined_at))?;
        self.put_plan(number, plan);
        if self.group.planned + 1 == number.0.get() {
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
        let last = self.group.attempts.min(self.group.planned + PORTION_MAX);
        while let Some(number) = self.unplanned(last) {
            self.see_to_payment(number, now)?;
            self.group.planned = number.0.get();
        }
        Ok(last < self.group.attempts)
    }

    /// Begins a member's payment if that has not been done and is not too late.
    pub(super) fn see_to_payment(
        &mut self,
        number: MemberNumber,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(member) = self.member(number)? else {
            return Ok(());
        };
        if member.state != MemberState::Reserved || self.plan(number)?.is_some() {
            return Ok(());
        }
        if self.pay_until(member.joined_at) <= now {
            return self.let_go(number, "unpaid", now);
        }
        self.begin_to_pay(number)
    }

    /// Returns until when somebody pays who takes a seat now.
    pub(super) fn pay_until(&self, now: Timestamp) -> Timestamp {
        let hold = self.group.terms.seat_hold;
        now.plus(hold).min(self.group.deadline)
    }

    fn unplanned(&self, last: u32) -> Option<MemberNumber> {
        let next = NonZeroU32::MIN.saturating_add(self.group.planned);
        (next.get() <= last).then_some(MemberNumber(next))
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
