use std::time::Duration;

use mp_core::{
    Caller, Decision, Edits, Error, Family, Timestamp,
    idempotency::key_reused,
    steps::{Plan, Request, STEP_MARGIN, Step},
};

use super::{
    AccountId, FAR_BOOKS_MAX, Ledger, LedgerError, MOVES_MAX, Move, NamedTransfer, NewTransfer,
    PENDING_MAX, SUM_MAX, Side, Transfer, TransferId, TransferStatus,
    expiry::ExpiryDue,
    far::{FarBooks, FarLegs},
    home::{HomeBook, occasion},
    ledger::{demand_plain, manages, owns, shown},
    plan_id::PlanId,
    records::{account_in, command, desk, save, transfer_in, transfer_key},
};

/// For how long the books that a transfer touches are asked to hold their part, before it is given
/// up.
pub const MOVING_MAX: Duration = Duration::from_secs(60 * 60);

/// On whose behalf a transfer is made.
#[derive(Clone, Debug)]
pub(super) enum Authority {
    /// The ledger's own: it was checked elsewhere.
    All,
    /// A caller's, who must own what is debited or manage the ledger.
    Of(Caller),
}

impl Ledger {
    /// Moves amounts, all or none of them; or holds them, to be posted or voided later.
    ///
    /// The same id with the same content is answered with the same transfer, as it stands by then.
    /// What the home book cannot do is an error, and the id is free again. Where another book
    /// refuses, that is how the transfer stands ([`TransferStatus::Refused`]), for good. One that is
    /// still [`Moving`](TransferStatus::Moving) or [`Posting`](TransferStatus::Posting) is carried on
    /// by due work.
    ///
    /// # Errors
    ///
    /// `invalid_field`, `not_found` for an account that is not there, or not the caller's to debit;
    /// [`LedgerError::Short`], [`LedgerError::Full`], [`LedgerError::UnitMismatch`],
    /// [`LedgerError::Overflow`], each for the first move that fails; `idempotency_conflict` for an
    /// id that was used for something else; the store's errors.
    pub async fn transfer(
        &self,
        caller: &Caller,
        id: TransferId,
        request: NewTransfer,
    ) -> Result<Transfer, LedgerError> {
        check(&request)?;
        let first = request.moves.first().ok_or_else(no_moves)?;
        let home = first.debit.book();
        let now = self.engine().now();
        let transfer = Transfer {
            id,
            app: caller.app_id().clone(),
            home,
            moves: request.moves,
            pending_for_s: request.pending_for_s,
            memo: request.memo,
            reverses: None,
            returns: None,
            status: TransferStatus::Moving,
            expires_at: None,
            posted_part: None,
            refusal: None,
            reversed_by: None,
            returned: 0,
            created_at: now,
            changed_at: now,
        };
        self.start(transfer, Authority::Of(caller.clone())).await
    }

    /// Moves back what a transfer has moved, by a transfer that names it: at most once.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`, [`LedgerError::AlreadyReversed`],
    /// [`LedgerError::NotPosted`]; as
    /// [`transfer`](Self::transfer).
    pub async fn reverse(
        &self,
        caller: &Caller,
        id: TransferId,
        request: NamedTransfer,
    ) -> Result<Transfer, LedgerError> {
        manages(caller)?;
        let original = self
            .found(caller.app_id(), &request.book, request.transfer)
            .await?;
        let original = original.ok_or_else(|| Error::not_found("transfer"))?;
        let back = original.moves.iter().rev();
        let back = back.map(|it| it.swapped(original.posted_part.unwrap_or(it.amount.minor())));
        let now = self.engine().now();
        let reversal = Transfer {
            id,
            moves: back.collect(),
            pending_for_s: None,
            reverses: Some(original.id),
            status: TransferStatus::Moving,
            returns: None,
            expires_at: None,
            posted_part: None,
            refusal: None,
            reversed_by: None,
            returned: 0,
            created_at: now,
            changed_at: now,
            ..original
        };
        self.start(reversal, Authority::All).await
    }

    /// Begins a transfer in its home, and drives it as far as it goes.
    pub(super) async fn start(
        &self,
        transfer: Transfer,
        authority: Authority,
    ) -> Result<Transfer, LedgerError> {
        self.demand_far_accounts(&transfer).await?;
        let mut reads = command(&transfer.app, &transfer.home)?
            .key(&transfer_key(transfer.id))
            .key(&mp_core::steps::plan_key(
                &PlanId::of(&transfer).to_string(),
            ));
        if let Some(original) = transfer.reverses.or(transfer.returns) {
            reads = reads.key(&transfer_key(original));
        }
        if transfer.home.is_reserved() {
            reads = Self::reads_fence(reads);
        }
        let begin =
            move |family: &Family, now: Timestamp| begin(family, transfer.clone(), &authority, now);
        let begun = self.engine().run(reads, begin).await?.answer;
        if begun.far_books().is_empty() || begun.status.is_final() {
            return Ok(begun);
        }
        self.drive(&begun).await;
        let found = self.found(&begun.app, &begun.home, begun.id).await?;
        Ok(found.unwrap_or(begun))
    }

    /// Refuses accounts elsewhere that are not there, before anything is written.
    async fn demand_far_accounts(&self, transfer: &Transfer) -> Result<(), LedgerError> {
        for book in transfer.far_books() {
            let family = self.engine().read(command(&transfer.app, &book)?).await?;
            for (of_move, each) in (0_u32..).zip(&transfer.moves) {
                for (on, end) in [(Side::Debit, &each.debit), (Side::Credit, &each.credit)] {
                    if end.is_in(&book) {
                        is_there(&family, of_move, on, end, each)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn is_there(
    family: &Family,
    of_move: u32,
    on: Side,
    end: &AccountId,
    it: &Move,
) -> Result<(), LedgerError> {
    let none = || LedgerError::NoAccount {
        of_move,
        on,
        account: end.clone(),
    };
    let found = account_in(family, end)?.ok_or_else(none)?;
    if &found.unit == it.amount.unit() {
        return Ok(());
    }
    Err(LedgerError::UnitMismatch {
        of_move,
        account: end.clone(),
        counts: found.unit,
        asked: it.amount.unit().clone(),
    })
}

/// Decides in its home what comes of a transfer that is asked for.
fn begin(
    family: &Family,
    mut transfer: Transfer,
    authority: &Authority,
    now: Timestamp,
) -> Result<Decision<Transfer>, LedgerError> {
    demand_authority(family, &transfer, authority)?;
    if let Some(found) = transfer_in(family, transfer.id)? {
        return if found.asks_as(&transfer) {
            Ok(Decision::unchanged(shown(found, now)))
        } else {
            Err(key_reused().into())
        };
    }
    if transfer.home.is_reserved() {
        Ledger::demand_no_fence(family)?;
    }
    let mut edits = Edits::new();
    (transfer.created_at, transfer.changed_at) = (now, now);
    let pending = transfer.pending_for_s.map(Duration::from_secs);
    transfer.expires_at = pending.map(|pending| now.plus(pending));
    give_back(family, &transfer, now, &mut edits)?;

    let legs = transfer.legs_in(&transfer.home);
    let mut desk = desk(family, &transfer.app, &transfer.home, &legs, now)?;
    let occasion = occasion(&transfer, now);
    if !transfer.far_books().is_empty() {
        desk.hold(&legs, &occasion)?;
        let id = PlanId::of(&transfer).to_string();
        mp_core::steps::put::<HomeBook>(&mut edits, &id, plan(&transfer, now)?, now);
    } else if transfer.is_two_phase() {
        desk.hold(&legs, &occasion)?;
        transfer.status = TransferStatus::Pending;
    } else {
        desk.post(&legs, &occasion)?;
        transfer.status = TransferStatus::Posted;
    }
    ExpiryDue::schedule(&transfer, &mut edits);
    save(&mut desk, &mut edits);
    edits.put(&transfer_key(transfer.id), transfer.clone());
    Ok(edits.answer(transfer))
}

/// Notes in a transfer that another gives it back, once and never more than was moved.
fn give_back(
    family: &Family,
    transfer: &Transfer,
    now: Timestamp,
    edits: &mut Edits,
) -> Result<(), LedgerError> {
    let Some(original) = transfer.reverses.or(transfer.returns) else {
        return Ok(());
    };
    let original = transfer_in(family, original)?;
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

fn demand_authority(
    family: &Family,
    transfer: &Transfer,
    authority: &Authority,
) -> Result<(), LedgerError> {
    let Authority::Of(caller) = authority else {
        return Ok(());
    };
    let manager = manages(caller).is_ok();
    for (of_move, each) in (0_u32..).zip(&transfer.moves) {
        let account = each.debit.clone();
        if !each.debit.is_in(&transfer.home) {
            if manager {
                continue;
            }
            let message = "only accounts of one book may be debited at once";
            let field = format!("moves[{of_move}].debit");
            return Err(Error::forbidden(message).with_field(field).into());
        }
        match account_in(family, &each.debit)? {
            Some(found) if owns(caller, &found).is_ok() => {}
            _ => {
                return Err(LedgerError::NoAccount {
                    of_move,
                    on: Side::Debit,
                    account,
                });
            }
        }
    }
    Ok(())
}

fn no_moves() -> LedgerError {
    Error::invalid("moves", "are none, or more than 32").into()
}

fn check(request: &NewTransfer) -> Result<(), LedgerError> {
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
