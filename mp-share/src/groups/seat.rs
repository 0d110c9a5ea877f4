use mp_core::{
    Caller, Command, Committed, Error, Family, Timestamp,
    id::{IdempotencyKey, UserId},
    idempotency::Idempotency,
};

use super::{
    GroupView, Groups,
    decision::{changed, lapse, see_to_payment},
    drive::broke_off,
    partition,
    redelivery::mark,
    roster::{JoinRefusal, Roster},
};
use crate::{
    error::GroupError,
    group::GroupId,
    member::{MemberId, MemberNumber},
};

/// What is done for a member together with taking the seat.
type Next = fn(&mut Roster<'_>, &MemberId) -> Result<(), Error>;

/// What is done for a user before the seat is looked for.
type MakeRoom = fn(&mut Roster<'_>, &UserId, Timestamp) -> Result<(), Error>;

/// The seat that a call is about.
struct Seat {
    number: MemberNumber,
    /// Whether this very call took it.
    is_new: bool,
}

impl Seat {
    fn of(taken: Result<Committed<MemberNumber>, JoinRefusal>) -> Result<Self, GroupError> {
        let (number, is_new) = match taken {
            Ok(seat) => (seat.answer, !seat.replayed),
            Err(JoinRefusal::Before(number)) => (number, false),
            Err(refusal) => return Err(refusal.into()),
        };
        Ok(Self { number, is_new })
    }
}

/// How people come to a seat.
impl Groups {
    /// Joins a group: takes a seat and pays for it.
    ///
    /// The answer says where the caller's membership stands after the first round: money may still
    /// need the payer's action, or be declined. The same key is answered with the same membership,
    /// however late it is delivered again: whoever has left meanwhile does not join, or pay, anew.
    ///
    /// # Errors
    ///
    /// As [`take_seat`](Self::take_seat); also `outcome_unknown` if the store is lost once the seat was
    /// taken: call again with the same key.
    pub async fn join(
        &self,
        caller: &Caller,
        id: GroupId,
        key: &IdempotencyKey,
    ) -> Result<GroupView, GroupError> {
        let pay: Next = |roster, member| roster.begin_to_pay(member);
        let seat = self.seat(caller, id, key, pay).await?;
        if !seat.is_new {
            let seen_to = self.see_to_payment(caller, id, seat.number).await;
            seen_to.map_err(broke_off)?;
        }
        self.drive(caller, id, seat.number).await
    }

    /// Takes a seat in a group and answers as soon as it is durable; due work then pays for it.
    ///
    /// It is [`join`](Self::join) without the wait for stock and money: for a rush, when many more
    /// people press the button than a payment backend can serve in that second. Who has the seat
    /// is decided at once, and the seat is held for
    /// [`Terms::seat_hold`](crate::offer::Terms::seat_hold) from now on, whenever its payment begins.
    /// That is due at once, in the order in which seats were taken, for whichever
    /// [`Worker`](mp_core::work::Worker) runs the [handlers](Self::handlers);
    /// [`status`](Self::status) tells how far it has come, and [`join`](Self::join) with the same
    /// key begins it and waits for it. A seat whose payment nobody began in time comes free again.
    /// What it costs does not depend on the group's size.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; `not_found`; [`GroupError::Over`], [`GroupError::Full`],
    /// [`GroupError::AlreadyMember`], [`GroupError::TooManyAttempts`]; `idempotency_conflict`; the
    /// store's errors.
    pub async fn take_seat(
        &self,
        caller: &Caller,
        id: GroupId,
        key: &IdempotencyKey,
    ) -> Result<MemberNumber, GroupError> {
        let seat = self.seat(caller, id, key, |_, _| Ok(())).await?;
        Ok(seat.number)
    }
}

impl Groups {
    /// Takes a seat, and in the same commit does what comes next.
    async fn seat(
        &self,
        caller: &Caller,
        id: GroupId,
        key: &IdempotencyKey,
        next: Next,
    ) -> Result<Seat, GroupError> {
        let (user, mark) = (caller.signed_in()?, mark(key)?);
        let once = Idempotency::new(caller, "group.join", key, &id)?;
        let command = Command::on(partition(caller.app_id(), id)?).once(once);
        let own = Roster::reads_user(command.clone(), user);
        let nobody: MakeRoom = |_, _, _| Ok(());
        match self.try_seat(own, user, &mark, next, nobody).await {
            Err(JoinRefusal::Short) => {}
            taken => return Seat::of(taken),
        }
        // In the same commit, so that nobody takes what was given back for this one.
        let everybody = Roster::reads(command);
        let make_room: MakeRoom = |roster, first, now| roster.lapse(first, now);
        let taken = self.try_seat(everybody, user, &mark, next, make_room);
        let taken = taken.await;
        if let Err(JoinRefusal::Refused(GroupError::Full)) = taken {
            self.note_lapses(caller, id, user).await;
        }
        Seat::of(taken)
    }

    /// Notes from when on a seat may lapse, for what a refused decision has found of that is not kept:
    /// whoever is refused next need not look through everybody.
    async fn note_lapses(&self, caller: &Caller, id: GroupId, user: &UserId) {
        if let Err(error) = self.try_to_note_lapses(caller, id, user).await {
            // The next one looks again.
            tracing::debug!(%error, group = %id, "nobody has noted when a seat may lapse");
        }
    }

    async fn try_to_note_lapses(
        &self,
        caller: &Caller,
        id: GroupId,
        user: &UserId,
    ) -> Result<(), Error> {
        let command = Roster::reads(Command::on(partition(caller.app_id(), id)?));
        let user = user.clone();
        let decide = move |family: &Family, now| lapse(family, &user, now);
        self.engine.run(command, decide).await?;
        Ok(())
    }

    async fn try_seat(
        &self,
        command: Command,
        user: &UserId,
        mark: &str,
        next: Next,
        make_room: MakeRoom,
    ) -> Result<Committed<MemberNumber>, JoinRefusal> {
        let (user, mark) = (user.clone(), mark.to_owned());
        let join = move |roster: &mut Roster<'_>, now| {
            if let Some(number) = roster.joined_under(&user, &mark)? {
                return Err(JoinRefusal::Before(number));
            }
            make_room(roster, &user, now)?;
            let member = roster.join(&user, Some(&mark), now)?;
            next(roster, &member)?;
            Ok(member.number)
        };
        let decide = move |family: &Family, now| changed(family, now, &join);
        self.engine.run(command, decide).await
    }

    /// Begins the payment of a member that took the seat without waiting, unless that is done.
    async fn see_to_payment(
        &self,
        caller: &Caller,
        id: GroupId,
        number: MemberNumber,
    ) -> Result<(), GroupError> {
        let user = caller.signed_in()?.clone();
        let member = MemberId { number, user };
        let command = Roster::reads(Command::on(partition(caller.app_id(), id)?));
        let decide = move |family: &Family, now| see_to_payment(family, &member, now);
        self.engine.run(command, decide).await?;
        Ok(())
    }
}
