//! [`Groups`]: opens, joins and leaves groups, and sees them to their end.

mod home;
mod operations;
mod outcome;
mod record;
mod roster;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    Caller, Command, Decision, Edits, Engine, Error, Family, Timestamp,
    capacity::Capacity,
    id::{AppId, IdempotencyKey, UserId},
    idempotency::Idempotency,
    port::{Fact, Notifier, Participant, Settlement, SettlementListener},
    steps::{PaymentParticipant, Plan, Steps, plan_key},
    store::Partition,
    work::{self, Done, Handler, HandlerError},
};

pub use self::view::{GroupView, Membership};
use self::{
    home::GroupHome,
    record::{Expire, Notice, Seat, member_key, seat_key},
    roster::Roster,
};
use crate::{
    error::GroupError,
    group::{Group, GroupId, GroupState, SEATS},
    member::{Member, MemberNumber, PlanId},
    offer::{Offer, OfferId, OfferState},
    offers::Offers,
};

/// Opens, joins and leaves groups; each stands in the partition `{app}/group/{group}`.
///
/// A seat is taken before it is paid for, in the same commit as the member and the plan that pays:
/// first a piece of the offer's stock, then the money. When the last seat is paid for, every
/// member's plan is confirmed in one commit; when the time is over first, every plan is released.
/// Nothing else fills or ends a group, so it is never over-full, and each member has a confirmed
/// seat or everything back.
///
/// Whoever calls waits for the first round of their own plan; the rest is due work, for which a
/// [`Worker`](work::Worker) needs [`handlers`](Self::handlers).
#[derive(Clone, Debug)]
pub struct Groups {
    engine: Engine,
    offers: Offers,
    steps: Steps<GroupHome>,
    notifier: Arc<dyn Notifier>,
}

/// The operation that a group's id is derived from.
const OPEN: &str = "group.open";

impl Groups {
    /// Joins groups with the offers, the money and the messages that the host supplies.
    #[must_use]
    pub fn new(
        engine: &Engine,
        offers: Offers,
        settlement: Arc<dyn Settlement>,
        notifier: Arc<dyn Notifier>,
    ) -> Self {
        let stock: Arc<dyn Participant> = Arc::new(offers.clone());
        let payment: Arc<dyn Participant> = Arc::new(PaymentParticipant::new(settlement));
        Self {
            engine: engine.clone(),
            offers,
            steps: Steps::new(engine, [stock, payment]),
            notifier,
        }
    }

    /// Returns the offers.
    #[must_use]
    pub const fn offers(&self) -> &Offers {
        &self.offers
    }

    /// Returns the id of the group that the caller opens, or has opened, under a key.
    ///
    /// # Errors
    ///
    /// `unauthenticated`.
    pub fn id_of(caller: &Caller, key: &IdempotencyKey) -> Result<GroupId, Error> {
        let (app, opener) = (caller.app_id(), caller.signed_in()?);
        Ok(GroupId::derived(&[
            app.as_str(),
            opener.as_str(),
            OPEN,
            key.as_str(),
        ]))
    }

    /// Opens a group on an offer; the caller is its first member and pays as every other.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; `not_found` for an offer that the app does not have;
    /// [`GroupError::OfferClosed`]; `idempotency_conflict`; the store's errors.
    pub async fn open(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        offer: OfferId,
    ) -> Result<GroupView, GroupError> {
        let app = caller.app_id();
        let opener = caller.signed_in()?.clone();
        let offer = self.offers.offer(app, offer).await?;
        let id = Self::id_of(caller, key)?;
        let once = Idempotency::new(caller, OPEN, key, &offer.id)?;
        let owned = app.clone();
        let decide = move |family: &Family, now| open(family, &owned, id, &offer, &opener, now);
        let command = Roster::reads(Command::on(partition(app, id)?)).once(once);
        let number = self.engine.run(command, decide).await?.answer;
        self.drive(caller, id, number).await
    }

    /// Joins a group: takes a seat and pays for it.
    ///
    /// The answer says where the caller's membership stands after the first round: money may still
    /// need the payer's action, or be declined.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; `not_found`; [`GroupError::Over`], [`GroupError::Full`],
    /// [`GroupError::AlreadyMember`], [`GroupError::TooManyAttempts`]; `idempotency_conflict`; the
    /// store's errors.
    pub async fn join(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        id: GroupId,
    ) -> Result<GroupView, GroupError> {
        let user = caller.signed_in()?.clone();
        let change = move |roster: &mut Roster, now| roster.join(&user, now);
        let number = self.change(caller, "group.join", key, id, change).await?;
        self.drive(caller, id, number).await
    }

    /// Leaves a group that is still open: the seat comes free, and everything is given back.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; `not_found`; [`GroupError::Over`], [`GroupError::NotMember`];
    /// `idempotency_conflict`; the store's errors.
    pub async fn leave(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        id: GroupId,
    ) -> Result<GroupView, GroupError> {
        let user = caller.signed_in()?.clone();
        let change = move |roster: &mut Roster, now| roster.leave(&user, now);
        let number = self.change(caller, "group.leave", key, id, change).await?;
        self.drive(caller, id, number).await
    }

    /// Calls off a group that is still open, for its offer's merchant or staff.
    ///
    /// Calling it off twice is not an error.
    ///
    /// # Errors
    ///
    /// `not_found`, also for somebody else's offer; [`GroupError::Over`] once it has filled or
    /// expired; the store's errors.
    pub async fn cancel(&self, caller: &Caller, id: GroupId) -> Result<GroupView, GroupError> {
        let group = self.group(caller.app_id(), id).await?;
        let offer = self.offers.offer(caller.app_id(), group.offer).await?;
        caller.require_owner("group", caller.app_id(), &offer.merchant)?;
        let command = Roster::reads(Command::on(partition(caller.app_id(), id)?));
        let decide = |family: &Family, now| {
            changed(family, now, |roster, now| {
                if roster.group.state == GroupState::Canceled {
                    return Ok(());
                }
                roster.require_open(now)?;
                Ok(roster.cancel(now)?)
            })
        };
        self.engine.run(command, decide).await?;
        self.status(caller, id).await
    }

    /// Returns a group of the app, and the caller's own part in it.
    ///
    /// # Errors
    ///
    /// `not_found`; the store's errors.
    pub async fn status(&self, caller: &Caller, id: GroupId) -> Result<GroupView, GroupError> {
        let group = self.group(caller.app_id(), id).await?;
        let membership = match caller.user_id() {
            Some(user) => self.membership(caller.app_id(), &group, user).await?,
            None => None,
        };
        Ok(GroupView::of(&group, membership, self.engine.now()))
    }

    /// Returns a group of the app with all its counts.
    ///
    /// # Errors
    ///
    /// `not_found`; the store's errors.
    pub async fn group(&self, app: &AppId, id: GroupId) -> Result<Group, GroupError> {
        let family = self.engine.read(Command::on(partition(app, id)?)).await?;
        let group = family.root::<Group>()?.ok_or_else(no_group)?;
        Ok((*group).clone())
    }

    /// Returns the handlers of all due work of groups and offers, for a [`Worker`](work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let mut handlers = self.offers.handlers();
        handlers.extend([self.steps.handler(), self.expiry(), self.notices()]);
        handlers
    }
}

impl Groups {
    /// Changes a group's roster once per idempotency key.
    async fn change<F>(
        &self,
        caller: &Caller,
        operation: &str,
        key: &IdempotencyKey,
        id: GroupId,
        change: F,
    ) -> Result<MemberNumber, GroupError>
    where
        F: Fn(&mut Roster, Timestamp) -> Result<MemberNumber, GroupError> + Send + 'static,
    {
        let once = Idempotency::new(caller, operation, key, &id)?;
        let command = Roster::reads(Command::on(partition(caller.app_id(), id)?)).once(once);
        let decide = move |family: &Family, now| changed(family, now, &change);
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Drives a member's plan as far as it goes now, and tells where that led.
    async fn drive(
        &self,
        caller: &Caller,
        id: GroupId,
        member: MemberNumber,
    ) -> Result<GroupView, GroupError> {
        let (app, group) = (caller.app_id(), id);
        let offer = self.group(app, group).await?.offer;
        let plan = PlanId {
            offer,
            group,
            member,
        };
        if let Err(error) = self.drive_plan(app, plan).await {
            // What was decided stands, and due work drives the plan on.
            tracing::debug!(%error, %plan, "the first round broke off");
        }
        self.status(caller, id).await
    }

    async fn drive_plan(&self, app: &AppId, plan: PlanId) -> Result<Done, Error> {
        let partition = partition(app, plan.group)?;
        self.steps.drive(&partition, &plan.to_string()).await
    }

    async fn membership(
        &self,
        app: &AppId,
        group: &Group,
        user: &UserId,
    ) -> Result<Option<Membership>, Error> {
        let partition = partition(app, group.id)?;
        let key = seat_key(user);
        let found = self
            .engine
            .read(Command::on(partition.clone()).key(&key))
            .await?;
        let Some(number) = found.get::<Seat>(&key)?.and_then(|seat| seat.member) else {
            return Ok(None);
        };
        let plan = PlanId {
            offer: group.offer,
            group: group.id,
            member: number,
        };
        let (member, plan) = (member_key(number), plan_key(&plan.to_string()));
        let command = Command::on(partition).key(&member).key(&plan);
        let found = self.engine.read(command).await?;
        let (member, plan) = (found.get::<Member>(&member)?, found.get::<Plan>(&plan)?);
        Ok(member.map(|member| Membership::of(&member, plan.as_deref())))
    }

    fn expiry(&self) -> Arc<dyn Handler> {
        let engine = self.engine.clone();
        work::on(move |delivery, _: Expire| {
            let engine = engine.clone();
            async move {
                let command = Roster::reads(Command::on(delivery.partition));
                let until = engine.run(command, expire).await?.answer;
                Ok::<_, HandlerError>(until.map_or(Done::Finished, Done::Again))
            }
        })
    }

    fn notices(&self) -> Arc<dyn Handler> {
        let notifier = self.notifier.clone();
        work::on(move |_, notice: Notice| {
            let notifier = notifier.clone();
            async move {
                notifier.notify(&notice.notification).await?;
                Ok::<_, HandlerError>(Done::Finished)
            }
        })
    }
}

/// Drives a member's plan on at once when something is learnt about its payment.
#[async_trait]
impl SettlementListener for Groups {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        let plan = fact.key.as_str().rsplit_once('.');
        if let Some(Ok(plan)) = plan.map(|(plan, _step)| plan.parse::<PlanId>()) {
            self.drive_plan(&fact.app, plan).await?;
        }
        Ok(())
    }
}

fn open(
    family: &Family,
    app: &AppId,
    id: GroupId,
    offer: &Offer,
    opener: &UserId,
    now: Timestamp,
) -> Result<Decision<MemberNumber>, GroupError> {
    if let Some(roster) = Roster::load(family)? {
        // The same key long after its answer was forgotten: the id derives from it.
        let seat = roster.seats.get(opener).and_then(|seat| seat.member);
        return Ok(Decision::unchanged(seat.ok_or(GroupError::NotMember)?));
    }
    if offer.state != OfferState::Open {
        return Err(GroupError::OfferClosed);
    }
    let deadline = now.plus(offer.terms.group_duration);
    let mut roster = Roster::of(Group {
        id,
        offer: offer.id,
        opener: opener.clone(),
        terms: offer.terms.clone(),
        state: GroupState::Open,
        opened_at: now,
        deadline,
        seats: Capacity::of(SEATS, offer.terms.group_size).with_owner_max(1),
        attempts: 0,
    });
    let number = roster.join(opener, now)?;
    let mut edits = Edits::new();
    edits.schedule(&id.to_string(), deadline, &Expire {});
    roster.write(None, app, now, &mut edits);
    Ok(edits.answer(number))
}

/// Changes the roster of a group that exists.
fn changed<T>(
    family: &Family,
    now: Timestamp,
    change: impl Fn(&mut Roster, Timestamp) -> Result<T, GroupError>,
) -> Result<Decision<T>, GroupError> {
    let mut roster = Roster::load(family)?.ok_or_else(no_group)?;
    let answer = change(&mut roster, now)?;
    let mut edits = Edits::new();
    roster.write(None, &app(family.partition())?, now, &mut edits);
    Ok(edits.answer(answer))
}

/// Expires a group; answers when to look again if its deadline has not passed after all.
fn expire(family: &Family, now: Timestamp) -> Result<Decision<Option<Timestamp>>, Error> {
    let Some(mut roster) = Roster::load(family)? else {
        return Ok(Decision::unchanged(None));
    };
    if roster.group.state_at(now) == GroupState::Open {
        return Ok(Decision::unchanged(Some(roster.group.deadline)));
    }
    roster.expire(now)?;
    let mut edits = Edits::new();
    roster.write(None, &app(family.partition())?, now, &mut edits);
    Ok(edits.answer(None))
}

fn partition(app: &AppId, id: GroupId) -> Result<Partition, Error> {
    Partition::new(app, "group", &id.to_string())
}

fn app(partition: &Partition) -> Result<AppId, Error> {
    AppId::new(partition.app()).map_err(|error| Error::invalid("partition", error))
}

fn no_group() -> Error {
    Error::not_found("group")
}
