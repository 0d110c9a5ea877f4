use mp_core::{
    Caller, Decision, Error, Family, Timestamp,
    feed::Feed,
    id::AppId,
    steps::{Plan, plan_key},
};

use super::{
    BookId, LEDGER_MANAGE, Ledger, LedgerError, NamedTransfer, PostTransfer, Transfer,
    TransferEvent, TransferId, TransferStatus,
    home::{HomeBook, put, take_step},
    plan_id::PlanId,
    records::{command, transfer_in, transfer_key},
    settlement::FactDue,
};

/// How a transfer that is pending is resolved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resolution {
    /// Posted, whole or in part.
    Post(Option<i64>),
    /// Given up; where a settlement had it held and did not ask for that, whoever did hears of it.
    Void { is_asked: bool },
}

impl Ledger {
    /// Posts what is pending, whole or in part; the rest is let go of.
    ///
    /// The same again is answered the same. One that is [`Posting`](TransferStatus::Posting) is
    /// posted for sure, and the other books are being told.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`, `invalid_field` for `book` if an
    /// intent's payment stands in it, of which [`Payments`](crate::Payments) decides, and for a part of a
    /// transfer with several moves; [`LedgerError::AmountTooLarge`],
    /// [`LedgerError::UnexpectedStatus`] for one that is not pending any more, its time over or not;
    /// the store's errors.
    pub async fn post(
        &self,
        caller: &Caller,
        request: PostTransfer,
    ) -> Result<Transfer, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        demand_no_payment(&request.book)?;
        let resolution = Resolution::Post(request.amount);
        self.resolve(caller.app_id(), &request.book, request.transfer, resolution)
            .await
    }

    /// Gives up what is pending: nothing moves.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    pub async fn void(
        &self,
        caller: &Caller,
        request: NamedTransfer,
    ) -> Result<Transfer, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        demand_no_payment(&request.book)?;
        self.resolve(
            caller.app_id(),
            &request.book,
            request.transfer,
            Resolution::Void { is_asked: false },
        )
        .await
    }

    pub(super) async fn resolve(
        &self,
        app: &AppId,
        book: &BookId,
        id: TransferId,
        resolution: Resolution,
    ) -> Result<Transfer, LedgerError> {
        let plan = PlanId::of_two_phase(book, id).to_string();
        let reads = Feed::reads_of_any(command(app, book)?)
            .key(&transfer_key(id))
            .key(&plan_key(&plan));
        let decide = move |family: &Family, now: Timestamp| {
            let transfer = transfer_in(family, id)?;
            let transfer = transfer.ok_or_else(|| Error::not_found("transfer"))?;
            match resolution {
                Resolution::Post(part) => post(family, transfer, part, &plan, now),
                Resolution::Void { is_asked } => void(family, transfer, &plan, is_asked, now),
            }
        };
        let resolved = self.engine().run(reads, decide).await?.answer;
        if resolved.far_books().is_empty() || resolved.status == TransferStatus::Posted {
            return Ok(resolved);
        }
        Ok(self.driven(resolved).await)
    }
}

pub(super) fn post(
    family: &Family,
    mut transfer: Transfer,
    part: Option<i64>,
    plan: &str,
    now: Timestamp,
) -> Result<Decision<Transfer>, LedgerError> {
    let part = part_of(&transfer, part)?;
    let posted = matches!(
        transfer.status,
        TransferStatus::Posting | TransferStatus::Posted
    );
    if posted && transfer.is_two_phase() && transfer.posted_part == part {
        return Ok(Decision::unchanged(transfer));
    }
    demand_pending(&transfer, TransferEvent::Post, now)?;
    transfer.posted_part = part;
    let mut edits = take_step(family, &mut transfer, TransferEvent::Post, now)?;
    if transfer.far_books().is_empty() {
        edits.extend(take_step(family, &mut transfer, TransferEvent::Keep, now)?);
    } else if let Some(found) = family.get::<Plan>(&plan_key(plan))? {
        mp_core::steps::put::<HomeBook>(&mut edits, plan, found.confirm()?, now)?;
    }
    put(family, transfer.clone(), now, &mut edits)?;
    Ok(edits.answer(transfer))
}

pub(super) fn void(
    family: &Family,
    mut transfer: Transfer,
    plan: &str,
    is_asked: bool,
    now: Timestamp,
) -> Result<Decision<Transfer>, LedgerError> {
    if transfer.status == TransferStatus::Voided {
        return Ok(Decision::unchanged(transfer));
    }
    // It may be given up while the other books are still being asked.
    if transfer.status != TransferStatus::Moving || !transfer.is_two_phase() {
        demand_pending(&transfer, TransferEvent::Void, now)?;
    } else if transfer.has_lapsed(now) {
        return Err(unexpected(TransferStatus::Expired, TransferEvent::Void));
    }
    let mut edits = take_step(family, &mut transfer, TransferEvent::Void, now)?;
    if !is_asked {
        FactDue::tell(&transfer, now, &mut edits);
    }
    if let Some(found) = family.get::<Plan>(&plan_key(plan))? {
        mp_core::steps::put::<HomeBook>(&mut edits, plan, found.release(), now)?;
    }
    put(family, transfer.clone(), now, &mut edits)?;
    Ok(edits.answer(transfer))
}

/// Refuses a book in which an intent's payment stands: the intent would never learn what was done there,
/// and go on as if it had not been.
pub(super) fn demand_no_payment(book: &BookId) -> Result<(), Error> {
    if book.is_payment() {
        let problem = "holds an intent's payment: ask for pay.capture, pay.cancel or pay.refund";
        return Err(Error::invalid("book", problem));
    }
    Ok(())
}

/// Refuses what is not pending, or is by the records but not by the clock.
fn demand_pending(
    transfer: &Transfer,
    event: TransferEvent,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let lapsed = transfer.has_lapsed(now);
    match transfer.status {
        TransferStatus::Pending if !lapsed => Ok(()),
        _ if lapsed => Err(unexpected(TransferStatus::Expired, event)),
        status => Err(unexpected(status, event)),
    }
}

const fn unexpected(status: TransferStatus, event: TransferEvent) -> LedgerError {
    LedgerError::UnexpectedStatus { status, event }
}

/// Returns the part that is asked for, if it is not the whole.
fn part_of(transfer: &Transfer, part: Option<i64>) -> Result<Option<i64>, LedgerError> {
    let Some(asked) = part else {
        return Ok(None);
    };
    let [only] = transfer.moves.as_slice() else {
        let problem = "is for transfers with one move: this one is posted whole";
        return Err(Error::invalid("amount", problem).into());
    };
    let left = only.amount.minor();
    if asked < 1 {
        return Err(Error::invalid("amount", "is not more than zero").into());
    }
    if asked > left {
        return Err(LedgerError::AmountTooLarge { asked, left });
    }
    Ok((asked < left).then_some(asked))
}
