use mp_core::{
    Decision, Edits, Error, Family, Timestamp,
    capacity::Capacity,
    id::{AppId, UserId},
    idempotency,
};

use super::{
    app, no_group,
    record::Expire,
    roster::{Rest, Roster},
};
use crate::{
    error::GroupError,
    group::{Group, GroupId, GroupState, SEATS},
    member::{MemberId, MemberNumber},
    offer::{Offer, OfferState},
};

/// Opens a group with its first member.
pub(super) fn open(
    family: &Family,
    app: &AppId,
    id: GroupId,
    offer: &Offer,
    opener: &UserId,
    now: Timestamp,
) -> Result<Decision<MemberNumber>, GroupError> {
    if let Some(roster) = Roster::load(family)? {
        // The same key long after its answer was forgotten: the id derives from it.
        if roster.group.offer != offer.id {
            return Err(idempotency::key_reused().into());
        }
        let all = roster.memberships(opener)?;
        let first = all.as_ref().and_then(|all| all.members.keys().next());
        let number = first.ok_or(GroupError::NotMember)?;
        return Ok(Decision::unchanged(*number));
    }
    if offer.state != OfferState::Open {
        return Err(GroupError::OfferClosed);
    }
    let deadline = now.plus(offer.terms.group_duration);
    let group = Group {
        id,
        offer: offer.id,
        opener: opener.clone(),
        terms: offer.terms.clone(),
        state: GroupState::Open,
        opened_at: now,
        deadline,
        seats: Capacity::of(SEATS, offer.terms.group_size).with_owner_max(1),
        attempts: 0,
        lapses_from: Timestamp::MAX,
        planned: 0,
    };
    let mut roster = Roster::of(family, group);
    let first = roster.join(opener, None, now)?;
    roster.begin_to_pay(&first)?;
    let mut edits = Edits::new();
    edits.schedule(&id.to_string(), deadline, &Expire {});
    roster.write(None, app, now, &mut edits)?;
    Ok(edits.answer(first.number))
}

/// Changes the roster of a group that exists.
pub(super) fn changed<T, E: From<Error>>(
    family: &Family,
    now: Timestamp,
    change: impl Fn(&mut Roster<'_>, Timestamp) -> Result<T, E>,
) -> Result<Decision<T>, E> {
    let mut roster = Roster::load(family)?.ok_or_else(no_group)?;
    let answer = change(&mut roster, now)?;
    let mut edits = Edits::new();
    roster.write(None, &app(family.partition())?, now, &mut edits)?;
    Ok(edits.answer(answer))
}

/// Calls a group off; one that was called off stays as it is.
pub(super) fn call_off(family: &Family, now: Timestamp) -> Result<Decision<()>, GroupError> {
    let group = family.root::<Group>()?;
    if group.is_some_and(|group| group.state == GroupState::Canceled) {
        return Ok(Decision::unchanged(()));
    }
    changed(family, now, |roster, now| {
        roster.require_open(now)?;
        Ok(roster.cancel(now)?)
    })
}

/// Gives back seats that have lapsed, and notes from when on it is worth looking again.
pub(super) fn lapse(
    family: &Family,
    first: &UserId,
    now: Timestamp,
) -> Result<Decision<()>, Error> {
    let mut edits = Edits::new();
    if let Some(mut roster) = Roster::load(family)? {
        let before = roster.group.clone();
        roster.lapse(first, now)?;
        if roster.group != before {
            roster.write(None, &app(family.partition())?, now, &mut edits)?;
        }
    }
    Ok(edits.answer(()))
}

/// Begins the payments of those who took a seat and did not wait, as far as one commit goes; answers
/// whether there are more.
pub(super) fn begin_payments(family: &Family, now: Timestamp) -> Result<Decision<bool>, Error> {
    let Some(mut roster) = Roster::load(family)? else {
        return Ok(Decision::unchanged(false));
    };
    let before = roster.group.planned;
    let more = roster.begin_payments(now)?;
    if roster.group.planned == before {
        return Ok(Decision::unchanged(more));
    }
    let mut edits = Edits::new();
    roster.write(None, &app(family.partition())?, now, &mut edits)?;
    Ok(edits.answer(more))
}

/// Begins the payment of one member that took the seat and did not wait, unless that is done.
pub(super) fn see_to_payment(
    family: &Family,
    member: &MemberId,
    now: Timestamp,
) -> Result<Decision<()>, Error> {
    let mut edits = Edits::new();
    if let Some(mut roster) = Roster::load(family)? {
        roster.freed.extend(roster.releasing()?.first());
        if roster.see_to_payment(member, now)? {
            roster.write(None, &app(family.partition())?, now, &mut edits)?;
        }
    }
    Ok(edits.answer(()))
}

/// Expires a group, or goes on with what its end means for its members; answers when to look again
/// if its deadline has not passed after all.
pub(super) fn expire(
    family: &Family,
    now: Timestamp,
) -> Result<Decision<Option<Timestamp>>, Error> {
    let Some(mut roster) = Roster::load(family)? else {
        return Ok(Decision::unchanged(None));
    };
    if roster.group.state_at(now) == GroupState::Open {
        return Ok(Decision::unchanged(Some(roster.group.deadline)));
    }
    roster.expire(now)?;
    if roster.rest == Rest::Untouched {
        roster.see_to_members(now)?;
    }
    let mut edits = Edits::new();
    roster.write(None, &app(family.partition())?, now, &mut edits)?;
    Ok(edits.answer(None))
}
