use std::sync::Arc;

use mp_core::{Error, Timestamp, id::UserId, steps::Plan};

use super::roster::Roster;
use crate::{
    error::GroupError,
    group::{GroupEvent, GroupState},
    member::{Member, MemberEvent, MemberNumber, MemberState},
};

/// What becomes of a group and its members.
impl Roster {
    /// Keeps the seat of a member whose piece and money are reserved, and fills the group with the
    /// last one.
    ///
    /// Money that lands when the seat's time or the group's is over is let go of again.
    pub(super) fn secured(&mut self, number: MemberNumber, now: Timestamp) -> Result<(), Error> {
        let Some(member) = self.members.get(&number).cloned() else {
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
            return self.let_go(number, "too_late", now);
        }
        let seat = self.seats.get(&member.user).copied().unwrap_or_default();
        let Ok(kept) = self.group.seats.confirm(&member.seat, &seat.holding, now) else {
            return self.let_go(number, "too_late", now);
        };
        self.group.seats = kept.capacity;
        self.step(number, MemberEvent::Secure, |member| {
            member.seat = kept.reservation
        });
        if self.group.is_full() {
            self.fill()
        } else {
            Ok(())
        }
    }

    /// Notes that a member's piece is sold and the money taken.
    pub(super) fn confirmed(&mut self, number: MemberNumber) {
        self.step(number, MemberEvent::Confirm, |_| {});
    }

    /// Notes that a member's piece and money are given back.
    pub(super) fn released(&mut self, number: MemberNumber) {
        self.step(number, MemberEvent::Release, |_| {});
    }

    /// Lets go of a member: the seat comes free now, piece and money as their plan is driven.
    ///
    /// Each member's plan is its own, so one whose money is slow to come back delays nobody.
    pub(super) fn let_go(
        &mut self,
        number: MemberNumber,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(member) = self.members.get(&number).cloned() else {
            return Ok(());
        };
        if member.state.next(MemberEvent::LetGo).is_none() {
            return Ok(());
        }
        let mut seat = self.seats.get(&member.user).copied().unwrap_or_default();
        let free = if member.seat.has_lapsed(now) {
            self.group.seats.lapse(&member.seat, &seat.holding, now)?
        } else {
            self.group.seats.release(&member.seat, &seat.holding)?
        };
        self.group.seats = free.capacity;
        seat.holding = free.holding;
        self.seats.insert(member.user.clone(), seat);
        if self.group.state == GroupState::Filled {
            self.notices.push((number, "group.seat_lost"));
        }
        self.step(number, MemberEvent::LetGo, |member| {
            member.seat = free.reservation;
            member.reason = Some(reason.to_owned());
        });
        self.replan(number, |plan| Ok(plan.release()))
    }

    /// Lets go of whoever has not paid in time, and tells whether there was somebody.
    pub(super) fn lapse(&mut self, now: Timestamp) -> Result<bool, Error> {
        let lapsed = self.numbers(|member| member.seat.has_lapsed(now));
        for number in &lapsed {
            self.let_go(*number, "unpaid", now)?;
        }
        Ok(!lapsed.is_empty())
    }

    /// Gives up the user's seat, as long as the group is open.
    pub(super) fn leave(
        &mut self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<MemberNumber, GroupError> {
        self.require_open(now)?;
        let number = self.seated(user).ok_or(GroupError::NotMember)?;
        self.let_go(number, "left", now)?;
        Ok(number)
    }

    /// Ends the group if its deadline has passed.
    pub(super) fn expire(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.group.state_at(now) == GroupState::Expired {
            self.end(GroupEvent::Expire, "group_expired", "group.expired", now)?;
        }
        Ok(())
    }

    /// Calls the group off.
    pub(super) fn cancel(&mut self, now: Timestamp) -> Result<(), Error> {
        self.end(GroupEvent::Cancel, "group_canceled", "group.canceled", now)
    }

    fn end(
        &mut self,
        event: GroupEvent,
        reason: &str,
        topic: &'static str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(state) = self.group.state.next(event) else {
            return Ok(());
        };
        self.group.state = state;
        for number in self.numbers(|member| member.state.has_seat()) {
            self.let_go(number, reason, now)?;
            self.notices.push((number, topic));
        }
        Ok(())
    }

    /// Ends the group well: every seat is paid for, so every member has one and nobody else does.
    fn fill(&mut self) -> Result<(), Error> {
        let Some(state) = self.group.state.next(GroupEvent::Fill) else {
            return Ok(());
        };
        self.group.state = state;
        for number in self.numbers(|member| member.state == MemberState::Secured) {
            self.replan(number, Plan::confirm)?;
            self.notices.push((number, "group.filled"));
        }
        Ok(())
    }

    fn numbers(&self, wanted: impl Fn(&Member) -> bool) -> Vec<MemberNumber> {
        let members = self.members.values().filter(|member| wanted(member));
        members.map(|member| member.number).collect()
    }

    /// Moves a member on, and changes it, if the event changes anything.
    fn step(&mut self, number: MemberNumber, event: MemberEvent, change: impl FnOnce(&mut Member)) {
        let Some(member) = self.members.get_mut(&number) else {
            return;
        };
        if let Some(state) = member.state.next(event) {
            let member = Arc::make_mut(member);
            member.state = state;
            change(member);
            self.touched.insert(number);
        }
    }

    fn replan(
        &mut self,
        number: MemberNumber,
        change: impl FnOnce(&Plan) -> Result<Plan, Error>,
    ) -> Result<(), Error> {
        if let Some(plan) = self.plans.get_mut(&number) {
            *plan = Arc::new(change(plan)?);
            self.driven.insert(number);
        }
        Ok(())
    }
}
