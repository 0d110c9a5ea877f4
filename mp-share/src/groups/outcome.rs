use mp_core::{
    Error, Timestamp,
    capacity::{Holding, ReservationState},
    id::UserId,
    steps::{Plan, Standing},
};

use super::roster::{Rest, Roster};
use crate::{
    error::{self, GroupError},
    group::{GroupEvent, GroupState},
    member::{Member, MemberEvent, MemberId, MemberNumber, MemberState},
};

/// How many members one commit lets go of or keeps; what is left of a larger group is done by due
/// work, commit after commit.
///
/// Each takes at most four writes: member, plan, the work that drives it, and a notice.
const PORTION_MAX: usize = 512;

/// What a member is told whose seat was paid for, and whose money could not be had in the end.
const SEAT_LOST: &str = "group.seat_lost";

/// What becomes of a group and its members.
impl Roster<'_> {
    /// Keeps the seat of a member whose piece and money are reserved, and fills the group with the
    /// last one.
    ///
    /// Money that lands when the seat's time or the group's is over is let go of again.
    pub(super) fn secured(&mut self, id: &MemberId, now: Timestamp) -> Result<(), Error> {
        let Some(member) = self.member(id)? else {
            return Ok(());
        };
        if member.state != MemberState::Reserved {
            return Ok(());
        }
        match self.group.state_at(now) {
            GroupState::Open => {}
            GroupState::Expired => self.expire(now)?,
            _ => {}
        }
        if self.group.state != GroupState::Open {
            return self.let_go(id, "too_late", now);
        }
        // Keeping a seat leaves its owner with as many as before.
        let untouched = Holding::default();
        let reservation = member.seat.reservation(&id.user);
        let Ok(kept) = self.group.seats.confirm(&reservation, &untouched, now) else {
            return self.let_go(id, "too_late", now);
        };
        self.group.seats = kept.capacity;
        self.step(id, MemberEvent::Secure, |member| {
            member.seat = kept.reservation.into();
        })?;
        if self.group.is_full() {
            self.fill(now)
        } else {
            Ok(())
        }
    }

    /// Notes that a member's piece is sold and the money taken.
    pub(super) fn confirmed(&mut self, id: &MemberId) -> Result<(), Error> {
        self.step(id, MemberEvent::Confirm, |_| {})
    }

    /// Notes that a member's piece and money are given back.
    pub(super) fn released(&mut self, id: &MemberId) -> Result<(), Error> {
        self.step(id, MemberEvent::Release, |_| {})
    }

    /// Lets go of a member: the seat comes free now, piece and money as their plan is driven.
    ///
    /// Until then the piece counts as its owner's. Whoever takes a seat here gives it back
    /// [first](Self::begin_to_pay); in another group of the offer nobody knows of it, so there a member of
    /// this one may still be refused `owner_limit`, or anybody `sold_out`, while due work goes through a
    /// large group.
    ///
    /// Each member's plan is its own, so one whose money is slow to come back delays nobody.
    pub(super) fn let_go(
        &mut self,
        id: &MemberId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(member) = self.member(id)? else {
            return Ok(());
        };
        if member.state.next(MemberEvent::LetGo).is_none() {
            return Ok(());
        }
        // What the user has is counted from the members, not from what this one leaves.
        let untouched = Holding::default();
        let reservation = member.seat.reservation(&id.user);
        let free = if member.seat.has_lapsed(now) {
            let seats = &self.group.seats;
            seats.lapse(&reservation, &untouched, now)?
        } else {
            self.group.seats.release(&reservation, &untouched)?
        };
        self.group.seats = free.capacity;
        if self.group.state == GroupState::Filled {
            self.notices.push((id.clone(), SEAT_LOST));
        }
        self.step(id, MemberEvent::LetGo, |member| {
            member.seat = free.reservation.into();
            member.reason = Some(reason.to_owned());
        })?;
        if self.plan(id.number)?.is_none() {
            // Nothing was asked for in the member's name yet, so nothing has to come back.
            return self.released(id);
        }
        self.freed.push(id.number);
        self.replan(id.number, |plan| Ok(plan.release()))
    }

    /// Lets go of a member whose money was secured and is not any more, and says so: nobody looks who
    /// has paid.
    pub(super) fn lost(
        &mut self,
        id: &MemberId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let has_seat = self.member(id)?.is_some_and(|it| it.state.has_seat());
        if has_seat && self.group.state == GroupState::Open {
            self.notices.push((id.clone(), SEAT_LOST));
        }
        self.let_go(id, reason, now)
    }

    /// Lets go of those who have not paid in time, as far as one commit goes and `first` before all
    /// others, and notes from when on it is worth looking again.
    pub(super) fn lapse(&mut self, first: &UserId, now: Timestamp) -> Result<(), Error> {
        if self.group.lapses_from > now || self.group.state_at(now) != GroupState::Open {
            return Ok(());
        }
        let mut next = Timestamp::MAX;
        let mut lapsed = self.members_that(|_, member| {
            let lapsed = member.seat.has_lapsed(now);
            if !lapsed && member.seat.state == ReservationState::Reserved {
                next = next.min(member.seat.until);
            }
            Ok(lapsed)
        })?;
        if lapsed.len() <= PORTION_MAX {
            self.group.lapses_from = next;
        }
        // Whoever asks anew has a place among all that come free only without the former seat.
        lapsed.sort_by_key(|id| id.user != *first);
        lapsed.truncate(PORTION_MAX);
        for id in lapsed {
            self.let_go(&id, "unpaid", now)?;
        }
        Ok(())
    }

    /// Gives up the user's seat, as long as the group is open; under a key that has given one up before
    /// it stays at that.
    pub(super) fn leave(
        &mut self,
        user: &UserId,
        mark: &str,
        now: Timestamp,
    ) -> Result<MemberNumber, GroupError> {
        if let Some(number) = self.left_under(user, mark)? {
            return Ok(number);
        }
        self.require_open(now)?;
        let id = self.seated(user)?.ok_or(GroupError::NotMember)?;
        self.let_go(&id, "left", now)?;
        if let Some(mut member) = self.member(&id)? {
            member.left_under = Some(mark.to_owned());
            self.put_member(&id, member)?;
        }
        Ok(id.number)
    }

    /// Ends the group if its deadline has passed.
    pub(super) fn expire(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.group.state_at(now) == GroupState::Expired {
            self.end(GroupEvent::Expire, now)?;
        }
        Ok(())
    }

    /// Calls the group off.
    pub(super) fn cancel(&mut self, now: Timestamp) -> Result<(), Error> {
        self.end(GroupEvent::Cancel, now)
    }

    /// Ends the group well: every seat is paid for, so every member has one and nobody else does.
    fn fill(&mut self, now: Timestamp) -> Result<(), Error> {
        self.end(GroupEvent::Fill, now)
    }

    fn end(&mut self, event: GroupEvent, now: Timestamp) -> Result<(), Error> {
        let Some(state) = self.group.state.next(event) else {
            return Ok(());
        };
        self.group.state = state;
        self.see_to_members(now)
    }

    /// Carries out what the group's end means for its members, for as many as one commit takes.
    ///
    /// A group with a member in a state that is not known here is left to the release that knows it.
    pub(super) fn see_to_members(&mut self, now: Timestamp) -> Result<(), Error> {
        let state = self.group.state;
        if matches!(state, GroupState::Open | GroupState::Unrecognized) {
            return Ok(());
        }
        let mut waiting = self.members_that(|number, member| match member.state {
            MemberState::Unrecognized => Err(error::newer_release("member")),
            _ if state == GroupState::Filled => self.is_to_be_kept(number, member),
            state => Ok(state.has_seat()),
        })?;
        self.rest = if waiting.len() > PORTION_MAX {
            Rest::Waits
        } else {
            Rest::Done
        };
        waiting.truncate(PORTION_MAX);
        for id in waiting {
            self.see_to(id, now)?;
        }
        Ok(())
    }

    fn is_to_be_kept(&self, number: MemberNumber, member: &Member) -> Result<bool, Error> {
        if member.state != MemberState::Secured {
            return Ok(false);
        }
        let plan = self.plan(number)?;
        Ok(plan.is_some_and(|plan| plan.standing() == Standing::Reserved))
    }

    fn see_to(&mut self, id: MemberId, now: Timestamp) -> Result<(), Error> {
        let topic = match self.group.state {
            GroupState::Filled => {
                self.replan(id.number, Plan::confirm)?;
                "group.filled"
            }
            GroupState::Canceled => {
                self.let_go(&id, "group_canceled", now)?;
                "group.canceled"
            }
            _ => {
                self.let_go(&id, "group_expired", now)?;
                "group.expired"
            }
        };
        self.notices.push((id, topic));
        Ok(())
    }

    /// Moves a member on, and changes it, if the event changes anything.
    fn step(
        &mut self,
        id: &MemberId,
        event: MemberEvent,
        change: impl FnOnce(&mut Member),
    ) -> Result<(), Error> {
        let Some(mut member) = self.member(id)? else {
            return Ok(());
        };
        let Some(state) = member.state.next(event) else {
            return Ok(());
        };
        member.state = state;
        change(&mut member);
        self.put_member(id, member)
    }

    fn replan(
        &mut self,
        number: MemberNumber,
        change: impl FnOnce(&Plan) -> Result<Plan, Error>,
    ) -> Result<(), Error> {
        if let Some(plan) = self.plan(number)? {
            self.put_plan(number, change(&plan)?);
        }
        Ok(())
    }
}
