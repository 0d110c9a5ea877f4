use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use mp_core::{
    Command, Edits, Error, Family, Timestamp,
    capacity::{CapacityRefusal, Request, Taken},
    id::{AppId, UserId},
    port::Notification,
    steps::{self, PaymentParticipant, Plan, STEP_MARGIN, Step},
};

use super::{
    home::GroupHome,
    record::{Expire, MEMBERS, Notice, PLANS, SEATS, Seat, member_key, seat_key},
};
use crate::{
    error::{self, GroupError},
    group::{self, ATTEMPTS_EACH_MAX, ATTEMPTS_MAX, Group, GroupState},
    member::{Member, MemberNumber, MemberState, PlanId},
    offers::Offers,
};

/// For how long after a group's deadline its pieces are held: so that a group which fills at the
/// last moment gets them, even if nobody does due work for a while.
const STOCK_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// A group with everybody in it, as one decision changes it.
pub(super) struct Roster {
    pub(super) group: Group,
    pub(super) members: BTreeMap<MemberNumber, Arc<Member>>,
    pub(super) seats: BTreeMap<UserId, Seat>,
    pub(super) plans: BTreeMap<MemberNumber, Arc<Plan>>,
    pub(super) touched: BTreeSet<MemberNumber>,
    pub(super) driven: BTreeSet<MemberNumber>,
    pub(super) notices: Vec<(MemberNumber, &'static str)>,
}

impl Roster {
    /// Selects everything in the group; all of it is bounded by [`ATTEMPTS_MAX`].
    pub(super) fn reads(command: Command) -> Command {
        command.prefix(MEMBERS).prefix(SEATS).prefix(PLANS)
    }

    /// Returns the group's roster, or `None` if there is no such group.
    ///
    /// A group in a state that is not known here is left to the release that knows it.
    pub(super) fn load(family: &Family) -> Result<Option<Self>, Error> {
        let Some(group) = family.root::<Group>()? else {
            return Ok(None);
        };
        if group.state == GroupState::Unrecognized {
            return Err(error::newer_release("group"));
        }
        let mut roster = Self::of((*group).clone());
        for (_, member) in family.scan::<Member>(MEMBERS)? {
            roster.members.insert(member.number, member);
        }
        for (key, seat) in family.scan::<Seat>(SEATS)? {
            let user = UserId::new(key.as_str().trim_start_matches(SEATS));
            let user = user.map_err(|error| Error::invalid("user", error))?;
            roster.seats.insert(user, *seat);
        }
        for (key, plan) in family.scan::<Plan>(PLANS)? {
            let id: PlanId = key.as_str().trim_start_matches(PLANS).parse()?;
            roster.plans.insert(id.member, plan);
        }
        Ok(Some(roster))
    }

    /// Returns the roster of a group that nobody has joined yet.
    pub(super) const fn of(group: Group) -> Self {
        Self {
            group,
            members: BTreeMap::new(),
            seats: BTreeMap::new(),
            plans: BTreeMap::new(),
            touched: BTreeSet::new(),
            driven: BTreeSet::new(),
            notices: Vec::new(),
        }
    }

    /// Takes a seat for a user and begins the plan that pays for it.
    pub(super) fn join(
        &mut self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<MemberNumber, GroupError> {
        self.require_open(now)?;
        let seat = self.seats.get(user).copied().unwrap_or_default();
        if self.group.attempts >= ATTEMPTS_MAX || seat.attempts >= ATTEMPTS_EACH_MAX {
            return Err(GroupError::TooManyAttempts);
        }
        let pay_until = now
            .plus(self.group.terms.seat_hold)
            .min(self.group.deadline);
        let taken = self.take_seat(user, pay_until, now)?;
        self.group.attempts += 1;
        let number = MemberNumber(NonZeroU32::MIN.saturating_add(self.group.attempts - 1));
        let member = Member {
            number,
            user: user.clone(),
            state: MemberState::Reserved,
            seat: taken.reservation,
            joined_at: now,
            reason: None,
        };
        let seat = Seat {
            holding: taken.holding,
            attempts: seat.attempts + 1,
            member: Some(number),
        };
        self.group.seats = taken.capacity;
        self.members.insert(number, Arc::new(member));
        self.seats.insert(user.clone(), seat);
        let plan = self.plan(user, pay_until)?;
        self.plans.insert(number, Arc::new(plan));
        self.touched.insert(number);
        self.driven.insert(number);
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
    pub(super) fn seated(&self, user: &UserId) -> Option<MemberNumber> {
        let number = self.seats.get(user)?.member?;
        let has_seat = self.members.get(&number)?.state.has_seat();
        has_seat.then_some(number)
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
    ) {
        for number in self.driven.iter().filter(|number| Some(**number) != own) {
            if let Some(plan) = self.plans.get(number) {
                let id = self.plan_id(*number).to_string();
                steps::put::<GroupHome>(edits, &id, (**plan).clone(), now);
            }
        }
        for member in self
            .touched
            .iter()
            .filter_map(|number| self.members.get(number))
        {
            edits.put(&member_key(member.number), (**member).clone());
            if let Some(seat) = self.seats.get(&member.user) {
                edits.put(&seat_key(&member.user), *seat);
            }
        }
        for (number, topic) in &self.notices {
            if let Some(member) = self.members.get(number) {
                let id = format!("{number}.{topic}");
                edits.send(&id, now, &self.notice(app, member, topic));
            }
        }
        if self.group.state != GroupState::Open {
            edits.unschedule::<Expire>(&self.group.id.to_string());
        }
        edits.put_root(self.group);
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

    /// Holds a seat; those whose time limit has passed make room first.
    fn take_seat(
        &mut self,
        user: &UserId,
        pay_until: Timestamp,
        now: Timestamp,
    ) -> Result<Taken, GroupError> {
        // The seat outlives the payment's time limit, so money that lands in time finds it.
        let request = Request::one(group::SEATS, user, pay_until.plus(STEP_MARGIN));
        let mut taken = self.try_seat(&request, now);
        if taken.is_err() && self.lapse(now)? {
            taken = self.try_seat(&request, now);
        }
        taken.map_err(|refusal| match refusal {
            CapacityRefusal::SoldOut { .. } => GroupError::Full,
            CapacityRefusal::OwnerLimit { .. } => GroupError::AlreadyMember,
            other => GroupError::Core(other.into()),
        })
    }

    fn try_seat(&self, request: &Request, now: Timestamp) -> Result<Taken, CapacityRefusal> {
        let seat = self.seats.get(&request.owner).copied().unwrap_or_default();
        self.group.seats.reserve(request, &seat.holding, now)
    }

    /// First a piece, then the money: what can be refused cheaply is asked for first.
    fn plan(&self, user: &UserId, pay_until: Timestamp) -> Result<Plan, Error> {
        let hold_until = self.group.deadline.plus(STOCK_GRACE);
        let piece = Offers::request(user, 1);
        let payment = PaymentParticipant::request(user, self.group.terms.group_price);
        Plan::new(vec![
            Step::new(Offers::PARTICIPANT, piece, hold_until),
            Step::new(PaymentParticipant::NAME, payment, pay_until),
        ])
    }
}
