use std::{collections::BTreeMap, mem, num::NonZeroU32, sync::Arc};

use mp_core::{
    Command, Edits, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Request, Taken},
    id::{AppId, UserId},
    port::Notification,
    steps::{self, Plan, STEP_MARGIN, plan_key},
};

use super::{
    home::GroupHome,
    record::{Expire, MEMBERS, Notice, PLANS, PlanPayments, SEATS, Seat, member_key, seat_key},
};
use crate::{
    error::{self, GroupError},
    group::{self, ATTEMPTS_EACH_MAX, ATTEMPTS_MAX, Group, GroupState},
    member::{Member, MemberNumber, MemberState, PlanId},
};

/// A group as one decision changes it.
///
/// Members, seats and plans are looked up one by one, so that what a decision costs does not grow
/// with the group; only [`numbers`](Self::numbers) looks at everybody.
pub(super) struct Roster<'a> {
    family: &'a Family,
    pub(super) group: Group,
    members: BTreeMap<MemberNumber, Arc<Member>>,
    seats: BTreeMap<UserId, Seat>,
    plans: BTreeMap<MemberNumber, Arc<Plan>>,
    joined: Option<MemberNumber>,
    pub(super) rest: Rest,
    pub(super) notices: Vec<(MemberNumber, &'static str)>,
}

/// What the end of a group still has to mean for its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// This decision did not look.
    Untouched,
    /// One commit had no room for everybody: due work goes on at once, by the group's timer.
    Waits,
    /// Everybody has been seen to.
    Done,
}

/// Why somebody gets no seat.
#[derive(Debug)]
pub(super) enum JoinRefusal {
    /// None is free, but some may have lapsed: give those back, then ask again.
    Short,
    Refused(GroupError),
}

impl From<GroupError> for JoinRefusal {
    fn from(error: GroupError) -> Self {
        Self::Refused(error)
    }
}

impl From<Error> for JoinRefusal {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl From<JoinRefusal> for GroupError {
    fn from(refusal: JoinRefusal) -> Self {
        match refusal {
            JoinRefusal::Short => Self::Full,
            JoinRefusal::Refused(error) => error,
        }
    }
}

impl<'a> Roster<'a> {
    /// Selects everything in the group; all of it is bounded by [`ATTEMPTS_MAX`].
    pub(super) fn reads(command: Command) -> Command {
        command.prefix(MEMBERS).prefix(SEATS).prefix(PLANS)
    }

    /// Selects what [`join`](Self::join) looks at: what the user had in the group so far.
    pub(super) fn reads_seat(command: Command, user: &UserId) -> Command {
        command.key(&seat_key(user))
    }

    /// Returns the group's roster, or `None` if there is no such group.
    ///
    /// A group in a state that is not known here is left to the release that knows it.
    pub(super) fn load(family: &'a Family) -> Result<Option<Self>, Error> {
        let Some(group) = family.root::<Group>()? else {
            return Ok(None);
        };
        if group.state == GroupState::Unrecognized {
            return Err(error::newer_release("group"));
        }
        Ok(Some(Self::of(family, (*group).clone())))
    }

    /// Returns the roster of a group as it stands in the family, or will stand there.
    pub(super) const fn of(family: &'a Family, group: Group) -> Self {
        Self {
            family,
            group,
            members: BTreeMap::new(),
            seats: BTreeMap::new(),
            plans: BTreeMap::new(),
            joined: None,
            rest: Rest::Untouched,
            notices: Vec::new(),
        }
    }

    /// Returns a member.
    pub(super) fn member(&self, number: MemberNumber) -> Result<Option<Arc<Member>>, Error> {
        match self.members.get(&number) {
            Some(member) => Ok(Some(member.clone())),
            None => self.family.get(&member_key(number)),
        }
    }

    /// Returns what a user has in the group.
    pub(super) fn seat(&self, user: &UserId) -> Result<Seat, Error> {
        if let Some(seat) = self.seats.get(user) {
            return Ok(*seat);
        }
        let seat = self.family.get::<Seat>(&seat_key(user))?;
        Ok(seat.map_or_else(Seat::default, |seat| *seat))
    }

    /// Returns a member's plan.
    pub(super) fn plan(&self, number: MemberNumber) -> Result<Option<Arc<Plan>>, Error> {
        match self.plans.get(&number) {
            Some(plan) => Ok(Some(plan.clone())),
            None => self
                .family
                .get(&plan_key(&self.plan_id(number).to_string())),
        }
    }

    /// Returns the numbers of all members that are wanted, in their order.
    pub(super) fn numbers(
        &self,
        mut wanted: impl FnMut(&Member) -> Result<bool, Error>,
    ) -> Result<Vec<MemberNumber>, Error> {
        let mut numbers = Vec::new();
        for (_, stored) in self.family.scan::<Member>(MEMBERS)? {
            let member = self.members.get(&stored.number).unwrap_or(&stored);
            if wanted(member)? {
                numbers.push(stored.number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn put_member(&mut self, member: Member) {
        self.members.insert(member.number, Arc::new(member));
    }

    pub(super) fn put_seat(&mut self, user: &UserId, seat: Seat) {
        self.seats.insert(user.clone(), seat);
    }

    pub(super) fn put_plan(&mut self, number: MemberNumber, plan: Plan) {
        self.plans.insert(number, Arc::new(plan));
    }

    /// Takes a seat for a user; whoever is not about to begin its [payment](Self::begin_to_pay) leaves
    /// that to due work.
    pub(super) fn join(
        &mut self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<MemberNumber, JoinRefusal> {
        self.require_open(now)?;
        let seat = self.seat(user)?;
        if self.group.attempts >= ATTEMPTS_MAX || seat.attempts >= ATTEMPTS_EACH_MAX {
            return Err(GroupError::TooManyAttempts.into());
        }
        let taken = self.take_seat(user, &seat, now)?;
        self.group.attempts += 1;
        let number = MemberNumber(NonZeroU32::MIN.saturating_add(self.group.attempts - 1));
        let member = Member {
            number,
            user: user.clone(),
            state: MemberState::Reserved,
            seat: taken.reservation.into(),
            joined_at: now,
            reason: None,
        };
        let seat = Seat {
            holding: taken.holding,
            attempts: seat.attempts + 1,
            member: Some(number),
        };
        self.group.seats = taken.capacity;
        self.group.lapses_from = self.group.lapses_from.min(member.seat.until);
        self.put_member(member);
        self.put_seat(user, seat);
        self.joined = Some(number);
        Ok(number)
    }

    /// Refuses unless the group is open at this time.
    pub(super) fn require_open(&self, now: Timestamp) -> Result<(), GroupError> {
        match self.group.state_at(now) {
            GroupState::Open => Ok(()),
            over => Err(GroupError::Over(over)),
        }
    }

    /// Returns the user's last member, if it has a seat.
    pub(super) fn seated(&self, user: &UserId) -> Result<Option<MemberNumber>, Error> {
        let Some(number) = self.seat(user)?.member else {
            return Ok(None);
        };
        let member = self.member(number)?;
        Ok(member
            .filter(|member| member.state.has_seat())
            .map(|_| number))
    }

    pub(super) fn plan_id(&self, member: MemberNumber) -> PlanId {
        let (offer, group) = (self.group.offer, self.group.id);
        PlanId {
            offer,
            group,
            member,
        }
    }

    /// Writes what has changed. The plan of `own`, if there is one, is written by whoever drives it.
    pub(super) fn write(
        mut self,
        own: Option<MemberNumber>,
        app: &AppId,
        now: Timestamp,
        edits: &mut Edits,
    ) -> Result<(), Error> {
        for (number, topic) in &self.notices {
            if let Some(member) = self.member(*number)? {
                let id = format!("{number}.{topic}");
                edits.send(&id, now, &self.notice(app, &member, topic));
            }
        }
        let (members, plans) = (mem::take(&mut self.members), mem::take(&mut self.plans));
        let begun = self
            .joined
            .is_some_and(|number| plans.contains_key(&number));
        for (number, plan) in plans.into_iter().filter(|(number, _)| Some(*number) != own) {
            let id = self.plan_id(number).to_string();
            steps::put::<GroupHome>(edits, &id, Arc::unwrap_or_clone(plan), now);
        }
        for (number, member) in members {
            edits.put(&member_key(number), Arc::unwrap_or_clone(member));
        }
        for (user, seat) in &self.seats {
            edits.put(&seat_key(user), *seat);
        }
        let id = self.group.id.to_string();
        if let Some(number) = self.joined {
            // The group has just given out the number, so nothing stands under it.
            edits.declare_new(&member_key(number));
            if begun {
                edits.declare_new(&plan_key(&self.plan_id(number).to_string()));
            } else {
                edits.send(&id, now, &PlanPayments {});
            }
        }
        match self.rest {
            Rest::Untouched => {}
            Rest::Waits => edits.schedule(&id, now, &Expire {}),
            Rest::Done => edits.unschedule::<Expire>(&id),
        }
        edits.put_root(self.group);
        Ok(())
    }

    /// Returns what a member is told.
    fn notice(&self, app: &AppId, member: &Member, topic: &str) -> Notice {
        let details = serde_json::json!({
            "group": self.group.id,
            "offer": self.group.offer,
            "title": self.group.terms.title,
        });
        Notice {
            notification: Notification {
                key: format!("{}.{}.{topic}", self.group.id, member.number),
                app: app.clone(),
                user: member.user.clone(),
                topic: topic.to_owned(),
                details,
            },
        }
    }

    /// Holds a seat; where there is none but some may have lapsed, it is for the caller to look.
    fn take_seat(&self, user: &UserId, seat: &Seat, now: Timestamp) -> Result<Taken, JoinRefusal> {
        let pay_until = self.pay_until(now);
        // The seat outlives the payment's time limit, so money that lands in time finds it.
        let request = Request::one(group::SEATS, user, pay_until.plus(STEP_MARGIN));
        let taken = self.group.seats.reserve(&request, &seat.holding, now);
        taken.map_err(|refusal| match refusal {
            CapacityRefusal::SoldOut { .. } if self.group.lapses_from <= now => JoinRefusal::Short,
            CapacityRefusal::SoldOut { .. } => GroupError::Full.into(),
            CapacityRefusal::OwnerLimit { .. } => GroupError::AlreadyMember.into(),
            other => GroupError::Core(other.into()).into(),
        })
    }
}
