//! [`Groups`]: opens, joins and leaves groups, and sees them to their end.

mod decision;
mod drive;
mod handlers;
mod home;
mod operations;
mod outcome;
mod payment;
mod record;
mod redelivery;
mod roster;
mod seat;
mod status;
mod view;

use std::sync::Arc;

use mp_core::{
    Caller, Command, Engine, Error, Family, Timestamp,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
    port::{Notifier, Participant, Settlement},
    steps::{PaymentParticipant, Steps},
    store::Partition,
};

pub(crate) use self::record::{MEMBERS, PLANS};
pub use self::view::{GroupView, Membership};
use self::{
    decision::{call_off, changed, open},
    drive::broke_off,
    home::GroupHome,
    redelivery::mark,
    roster::Roster,
};
#[cfg(test)]
pub(crate) use self::{
    home::GroupHome as Home,
    record::{Expire, Notice, PlanPayments},
};
use crate::{
    error::GroupError,
    group::{Group, GroupId},
    member::MemberNumber,
    offer::OfferId,
    offers::Offers,
};

/// Opens, joins and leaves groups; each stands in the partition `{app}/group/{group}`.
///
/// A seat is taken before it is paid for. The plan that pays, first for a piece of the offer's stock,
/// then the money, is made in the same commit, or soon after by due work for
/// [whoever does not wait](Self::take_seat). When the last seat is paid for, every
/// member's plan is confirmed in one commit; when the time is over first, every plan is released.
/// Nothing else fills or ends a group, so it is never over-full, and each member has a confirmed
/// seat or everything back.
///
/// Whoever calls waits for the first round of their own plan; the rest is due work, for which a
/// [`Worker`](mp_core::work::Worker) needs [`handlers`](Self::handlers).
#[derive(Clone, Debug)]
pub struct Groups {
    engine: Engine,
    offers: Offers,
    steps: Steps<GroupHome>,
    notifier: Arc<dyn Notifier>,
}

/// The kind of a group's partition.
pub(crate) const PARTITION_KIND: &str = "group";

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
    /// [`GroupError::OfferClosed`]; `idempotency_conflict`; `outcome_unknown` if the store is lost once
    /// the group was opened: call again with the same key; else the store's errors.
    pub async fn open(
        &self,
        caller: &Caller,
        offer: OfferId,
        key: &IdempotencyKey,
    ) -> Result<GroupView, GroupError> {
        let app = caller.app_id();
        let opener = caller.signed_in()?.clone();
        let offer = self.offers.offer(caller, offer).await?;
        let id = Self::id_of(caller, key)?;
        let once = Idempotency::new(caller, OPEN, key, &offer.id)?;
        let owned = app.clone();
        let decide = move |family: &Family, now| open(family, &owned, id, &offer, &opener, now);
        let command = Command::on(partition(app, id)?).presume_absent();
        let command = Roster::reads_user(command, caller.signed_in()?).once(once);
        let number = self.engine.run(command, decide).await?.answer;
        self.drive(caller, id, number).await
    }

    /// Leaves a group that is still open: the seat comes free, and everything is given back.
    ///
    /// The same key gives up one membership, however late it is delivered again: none that was begun since.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; `not_found`; [`GroupError::Over`], [`GroupError::NotMember`];
    /// `idempotency_conflict`; `outcome_unknown` if the store is lost once the seat was given up: call
    /// again with the same key; else the store's errors.
    pub async fn leave(
        &self,
        caller: &Caller,
        id: GroupId,
        key: &IdempotencyKey,
    ) -> Result<GroupView, GroupError> {
        let user = caller.signed_in()?.clone();
        let mark = mark(key)?;
        let change = move |roster: &mut Roster<'_>, now| roster.leave(&user, &mark, now);
        let number = self.change(caller, "group.leave", id, key, change).await?;
        self.drive(caller, id, number).await
    }

    /// Calls off a group that is still open, for its offer's merchant or staff.
    ///
    /// Calling it off twice is not an error.
    ///
    /// # Errors
    ///
    /// `not_found`, also for somebody else's offer; [`GroupError::Over`] once it has filled or
    /// expired; `outcome_unknown` if the store is lost once it was called off: call again; else the
    /// store's errors.
    pub async fn cancel(&self, caller: &Caller, id: GroupId) -> Result<GroupView, GroupError> {
        let group = self.group(caller, id).await?;
        let offer = self.offers.offer(caller, group.offer).await?;
        caller.require_owner("group", caller.app_id(), &offer.merchant)?;
        let command = Roster::reads(Command::on(partition(caller.app_id(), id)?));
        self.engine.run(command, call_off).await?;
        self.status(caller, id).await.map_err(broke_off)
    }

    /// Returns a group of the caller's app with all its counts.
    ///
    /// # Errors
    ///
    /// `not_found`; the store's errors.
    pub async fn group(&self, caller: &Caller, id: GroupId) -> Result<Group, GroupError> {
        let command = Command::on(partition(caller.app_id(), id)?);
        let family = self.engine.read(command).await?;
        let group = family.root::<Group>()?.ok_or_else(no_group)?;
        Ok((*group).clone())
    }
}

impl Groups {
    /// Changes a group's roster once per idempotency key.
    async fn change<F>(
        &self,
        caller: &Caller,
        operation: &str,
        id: GroupId,
        key: &IdempotencyKey,
        change: F,
    ) -> Result<MemberNumber, GroupError>
    where
        F: Fn(&mut Roster<'_>, Timestamp) -> Result<MemberNumber, GroupError> + Send + 'static,
    {
        let once = Idempotency::new(caller, operation, key, &id)?;
        let command = Roster::reads(Command::on(partition(caller.app_id(), id)?)).once(once);
        let decide = move |family: &Family, now| changed(family, now, &change);
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

fn partition(app: &AppId, id: GroupId) -> Result<Partition, Error> {
    Partition::new(app, PARTITION_KIND, &id.to_string())
}

fn app(partition: &Partition) -> Result<AppId, Error> {
    AppId::new(partition.app()).map_err(|error| Error::invalid("partition", error))
}

fn no_group() -> Error {
    Error::not_found("group")
}
