//! What comes of a transfer that is asked for, as plain functions of what stands in its home.

use std::time::Duration;

use mp_core::{
    Decision, Edits, Error, Family, Timestamp,
    idempotency::key_reused,
    steps::{Plan, Request, STEP_MARGIN, Step},
};

use super::{
    FAR_BOOKS_MAX, Ledger, LedgerError, MOVES_MAX, MOVING_MAX, NewTransfer, PENDING_MAX, SUM_MAX,
    Transfer, TransferStatus,
    asked::FarLegs,
    authority::Authority,
    expiry::ExpiryDue,
    far::FarBooks,
    home::{HomeBook, occasion},
    ledger::{demand_plain, shown},
    news::tell,
    plan_id::PlanId,
    records::{desk, save, transfer_in, transfer_key},
};

/// Decides in its home what comes of a transfer that is asked for.
pub(super) fn begin(
    family: &Family,
    mut transfer: Transfer,
    authority: &Authority,
    now: Timestamp,
) -> Result<Decision<Transfer>, LedgerError> {
    authority.demand(family, &transfer)?;
    let original = match transfer.reverses.or(transfer.returns) {
        Some(original) => transfer_in(family, original)?,
        None => None,
    };
    if let (Some(original), Some(_)) = (&original, transfer.reverses) {
        // Less of it may have been posted, since it was read, than was held by then.
        transfer.moves = original.reversing(transfer.id, now).moves;
    }
    if let Some(found) = transfer_in(family, transfer.id)? {
        return if found.asks_as(&transfer) {
            Ok(Decision::unchanged(shown(found, now)))
        } else {
            Err(key_reused().into())
        };
    }
    authority.demand_span(&transfer)?;
    if transfer.home.is_settlement() {
        Ledger::demand_no_fence(family)?;
    }
    let mut edits = Edits::new();
    (transfer.created_at, transfer.changed_at) = (now, now);
    let pending = transfer.pending_for_s.map(Duration::from_secs);
    transfer.expires_at = pending.map(|pending| now.plus(pending));
    give_back(original, &transfer, now, &mut edits)?;

    let legs = transfer.legs_in(&transfer.home);
    let mut desk = desk(family, &transfer.app, &transfer.home, &legs, now)?;
    let occasion = occasion(&transfer, now);
    if !transfer.far_books().is_empty() {
        desk.hold(&legs, &occasion)?;
        let id = PlanId::of(&transfer).to_string();
        mp_core::steps::put::<HomeBook>(&mut edits, &id, plan(&transfer, now)?, now)?;
    } else if transfer.is_two_phase() {
        desk.hold(&legs, &occasion)?;
        transfer.status = TransferStatus::Pending;
    } else {
        desk.post(&legs, &occasion)?;
        transfer.status = TransferStatus::Posted;
    }
    ExpiryDue::schedule(&transfer, &mut edits);
    save(&mut desk, &mut edits);
    tell(family, &transfer, now, &mut edits)?;
    edits.put(&transfer_key(transfer.id), transfer.clone());
    Ok(edits.answer(transfer))
}

/// Notes in a transfer that another gives it back, once and never more than was moved.
fn give_back(
    original: Option<Transfer>,
    transfer: &Transfer,
    now: Timestamp,
    edits: &mut Edits,
) -> Result<(), LedgerError> {
    if transfer.reverses.or(transfer.returns).is_none() {
        return Ok(());
    }
    let mut original = original.ok_or_else(|| Error::not_found("transfer"))?;
    if original.status != TransferStatus::Posted {
        let status = original.status;
        return Err(LedgerError::NotPosted { status });
    }
    if let by @ Some(_) = original.reversed_by {
        return Err(LedgerError::AlreadyReversed { by });
    }
    if transfer.reverses.is_some() {
        if original.returned > 0 {
            return Err(LedgerError::AlreadyReversed { by: None });
        }
        original.reversed_by = Some(transfer.id);
    } else {
        let (asked, left) = (
            transfer.posted_amount(),
            original.posted_amount() - original.returned,
        );
        if asked > left {
            return Err(LedgerError::AmountTooLarge { asked, left });
        }
        original.returned += asked;
    }
    original.changed_at = now;
    edits.put(&transfer_key(original.id), original);
    Ok(())
}

fn plan(transfer: &Transfer, now: Timestamp) -> Result<Plan, Error> {
    let last = now.plus(MOVING_MAX);
    let last = transfer.expires_at.map_or(last, |at| at.min(last));
    let books = transfer.far_books();
    let count = u32::try_from(books.len()).unwrap_or(u32::MAX);
    let steps = (1_u32..).zip(books).map(|(number, book)| {
        let legs = FarLegs {
            legs: transfer.legs_in(&book),
            memo: transfer.memo.clone(),
            book,
        };
        let until = last.plus(STEP_MARGIN.saturating_mul(count.saturating_sub(number)));
        Ok(Step::new(FarBooks::NAME, Request::new(&legs)?, until))
    });
    Plan::new(steps.collect::<Result<_, Error>>()?)
}

pub(super) fn no_moves() -> LedgerError {
    Error::invalid("moves", "are none, or more than 32").into()
}

/// Refuses a request that can never succeed.
pub(super) fn check(request: &NewTransfer) -> Result<(), LedgerError> {
    if !(1..=MOVES_MAX).contains(&request.moves.len()) {
        return Err(no_moves());
    }
    for (number, each) in request.moves.iter().enumerate() {
        let field = |name: &str| format!("moves[{number}].{name}");
        if !(1..=SUM_MAX).contains(&each.amount.minor()) {
            let problem = "is not more than zero, or too large";
            return Err(Error::invalid(field("amount.amount"), problem).into());
        }
        if each.debit == each.credit {
            return Err(Error::invalid(field("credit"), "is the account that is debited").into());
        }
        demand_plain(field("debit"), &each.debit)?;
        demand_plain(field("credit"), &each.credit)?;
    }
    let first = request.moves.first().map(|first| first.debit.book());
    let mut far: Vec<_> = request
        .moves
        .iter()
        .flat_map(|it| [it.debit.book(), it.credit.book()])
        .filter(|book| Some(book) != first.as_ref())
        .collect();
    far.sort_unstable();
    far.dedup();
    if far.len() > FAR_BOOKS_MAX {
        return Err(Error::invalid("moves", "touch more than eight other books").into());
    }
    let seconds = request.pending_for_s;
    if seconds.is_some_and(|seconds| !(1..=PENDING_MAX.as_secs()).contains(&seconds)) {
        let problem = "is not 1 second to 400 days";
        return Err(Error::invalid("pending_for_s", problem).into());
    }
    Ok(())
}
