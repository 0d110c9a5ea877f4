use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use mp_core::{
    Command, Edits, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Holding, Request, Taken},
    id::{AppId, UserId},
    port::Notification,
    steps::{self, Plan, STEP_MARGIN, plan_key},
};

use super::{
    home::GroupHome,
    record::{Expire, MEMBERS, Notice, PLANS, PlanPayments, member_key},
};
use crate::{
    error::{self, GroupError},
    group::{self, ATTEMPTS_EACH_MAX, ATTEMPTS_MAX, Group, GroupState},
    member::{Member, MemberId, MemberNumber, MemberState, Memberships, PlanId},
};

/// A group as one decision changes it.
///
/// Members and plans are looked up one by one, so that what a decision costs does not grow with the
/// group; only [`members_that`](Self::members_that) looks at everybody.
pub(super) struct Roster<'a> {
    family: &'a Family,
    pub(super) group: Group,
    members: BTreeMap<UserId, Arc<Memberships>>,
    plans: BTreeMap<MemberNumber, Arc<Plan>>,
    joined: Option<MemberNumber>,
    /// Whose piece comes back to the offer, and no plan of somebody new names it yet.
    pub(super) freed: Vec<MemberNumber>,
    pub(super) rest: Rest,
    pub(super) notices: Vec<(MemberId, &'static str)>,
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

/// Why somebody gets no seat, or no further one.
#[derive(Debug)]
pub(super) enum JoinRefusal {
    /// None is free, but some may have lapsed: give those back, then ask again.
    Short,
    /// The same key took this one so long ago that its answer is forgotten.
    Before(MemberNumber),
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
            JoinRefusal::Before(_) => Self::AlreadyMember,
            JoinRefusal::Refused(error) => error,
        }
    }
}

impl<'a> Roster<'a> {
    /// Selects everything in the group; all of it is bounded by [`ATTEMPTS_MAX`].
    pub(super) fn reads(command: Command) -> Command {
        command.prefix(MEMBERS).prefix(PLANS)
    }

    /// Selects what [`join`](Self::join) looks at: what the user had in the group so far.
    pub(super) fn reads_user(command: Command, user: &UserId) -> Command {
        command.key(&member_key(user))
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
            plans: BTreeMap::new(),
            joined: None,
            freed: Vec::new(),
            rest: Rest::Untouched,
            notices: Vec::new(),
        }
    }

    /// Returns a member.
    pub(super) fn member(&self, id: &MemberId) -> Result<Option<Member>, Error> {
        let all = self.memberships(&id.user)?;
        Ok(all.and_then(|all| all.members.get(&id.number).cloned()))
    }

    /// Returns all that a user began in the group.
    pub(super) fn memberships(&self, user: &UserId) -> Result<Option<Arc<Memberships>>, Error> {
        match self.members.get(user) {
            Some(all) => Ok(Some(all.clone())),
            None => self.family.get(&member_key(user)),
        }
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

    /// Returns all members that are wanted, in the order of their numbers.
    pub(super) fn members_that(
        &self,
        mut are_wanted: impl FnMut(MemberNumber, &Member) -> Result<bool, Error>,
    ) -> Result<Vec<MemberId>, Error> {
        let mut found = Vec::new();
        for (_, stored) in self.family.scan::<Memberships>(MEMBERS)? {
            let all = self.members.get(&stored.user).unwrap_or(&stored);
            for (number, member) in &all.members {
                if are_wanted(*number, member)? {
                    let (number, user) = (*number, all.user.clone());
                    found.push(MemberId { number, user });
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    pub(super) fn put_member(&mut self, id: &MemberId, member: Member) -> Result<(), Error> {
        let all = self.memberships(&id.user)?;
        let mut all = all.map_or_else(|| Memberships::of(id.user.clone()), Arc::unwrap_or_clone);
        all.members.insert(id.number, member);
        self.members.insert(id.user.clone(), Arc::new(all));
        Ok(())
    }

    pub(super) fn put_plan(&mut self, number: MemberNumber, plan: Plan) {
        self.plans.insert(number, Arc::new(plan));
    }

    /// Takes a seat for a user; whoever is not about to begin its [payment](Self::begin_to_pay) leaves
    /// that to due work. Under a key it is one seat, however often and however late it is asked for.
    pub(super) fn join(
        &mut self,
        user: &UserId,
        mark: Option<&str>,
        now: Timestamp,
    ) -> Result<MemberId, JoinRefusal> {
        self.require_open(now)?;
        let before = self.memberships(user)?;
        let attempts = before.as_ref().map_or(0, |all| all.members.len());
        if self.group.attempts >= ATTEMPTS_MAX || attempts >= ATTEMPTS_EACH_MAX {
            return Err(GroupError::TooManyAttempts.into());
        }
        let holding = before.map_or_else(Holding::default, |all| all.holding());
        let taken = self.take_seat(user, &holding, now)?;
        let member = Member {
            state: MemberState::Reserved,
            seat: taken.reservation.into(),
            joined_at: now,
            reason: None,
            joined_under: mark.map(str::to_owned),
            left_under: None,
        };
        self.group.seats = taken.capacity;
        self.group.lapses_from = self.group.lapses_from.min(member.seat.until);
        let number = MemberNumber(NonZeroU32::MIN.saturating_add(self.group.attempts));
        let id = MemberId {
            number,
            user: user.clone(),
        };
        self.group.attempts += 1;
        self.put_member(&id, member)?;
        self.joined = Some(number);
        Ok(id)
    }

    /// Refuses unless the group is open at this time.
    pub(super) fn require_open(&self, now: Timestamp) -> Result<(), GroupError> {
        match self.group.state_at(now) {
            GroupState::Open => Ok(()),
            over => Err(GroupError::Over(over)),
        }
    }

    /// Returns the user's last member, if it has a seat.
    pub(super) fn seated(&self, user: &UserId) -> Result<Option<MemberId>, Error> {
        let all = self.memberships(user)?;
        let last = all.as_ref().and_then(|all| all.last());
        let seated = last.filter(|(_, member)| member.state.has_seat());
        Ok(seated.map(|(number, _)| MemberId {
            number,
            user: user.clone(),
        }))
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
        self,
        own: Option<MemberNumber>,
        app: &AppId,
        now: Timestamp,
        edits: &mut Edits,
    ) -> Result<(), Error> {
        for (member, topic) in &self.notices {
            let id = format!("{}.{topic}", member.number);
            edits.send(&id, now, &self.notice(app, member, topic));
        }
        let id = self.group.id.to_string();
        match self.joined {
            // The group has just given out the number, so nothing stands under it.
            Some(number) if self.plans.contains_key(&number) => {
                edits.declare_new(&plan_key(&self.plan_id(number).to_string()));
            }
            Some(_) => edits.send(&id, now, &PlanPayments {}),
            None => {}
        }
        match self.rest {
            Rest::Untouched => {}
            Rest::Waits => edits.schedule(&id, now, &Expire {}),
            Rest::Done => edits.unschedule::<Expire>(&id),
        }
        let plans = self
            .plans
            .iter()
            .filter(|(number, _)| Some(**number) != own);
        for (number, plan) in plans {
            let id = self.plan_id(*number).to_string();
            steps::put::<GroupHome>(edits, &id, (**plan).clone(), now)?;
        }
        for (user, all) in self.members {
            edits.put(&member_key(&user), Arc::unwrap_or_clone(all));
        }
        edits.put_root(self.group);
        Ok(())
    }

    /// Returns what a member is told.
    fn notice(&self, app: &AppId, member: &MemberId, topic: &str) -> Notice {
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

    /// Holds a seat; where there is none but some may have lapsed, the user's own among them, it is
    /// for the caller to look.
    fn take_seat(
        &self,
        user: &UserId,
        holding: &Holding,
        now: Timestamp,
    ) -> Result<Taken, JoinRefusal> {
        let pay_until = self.pay_until(now);
        // The seat outlives the payment's time limit, so money that lands in time finds it.
        let request = Request::one(group::SEATS, user, pay_until.plus(STEP_MARGIN));
        let own = self.memberships(user)?;
        let own = own.as_ref().and_then(|all| all.last());
        let own_has_lapsed = own.is_some_and(|(_, member)| member.seat.has_lapsed(now));
        let taken = self.group.seats.reserve(&request, holding, now);
        taken.map_err(|refusal| match refusal {
            CapacityRefusal::SoldOut { .. } if self.group.lapses_from <= now => JoinRefusal::Short,
            CapacityRefusal::SoldOut { .. } => GroupError::Full.into(),
            CapacityRefusal::OwnerLimit { .. } if own_has_lapsed => JoinRefusal::Short,
            CapacityRefusal::OwnerLimit { .. } => GroupError::AlreadyMember.into(),
            other => GroupError::Core(other.into()).into(),
        })
    }
}
