use std::time::Duration;

use mp_core::{Caller, Command, Error, Family, Timestamp, feed::Feed};

use super::{
    AccountId, LEDGER_MANAGE, Ledger, LedgerError, Move, NamedTransfer, NewTransfer, Side,
    Transfer, TransferId,
    authority::Authority,
    begin::{begin, check, no_moves},
    plan_id::PlanId,
    records::{account_in, command, transfer_key},
    resolving::demand_no_payment,
};

/// For how long the books that a transfer touches are asked to hold their part, before it is given
/// up.
pub const MOVING_MAX: Duration = Duration::from_secs(60 * 60);

impl Ledger {
    /// Moves amounts, all or none of them; or holds them, to be posted or voided later.
    ///
    /// The same id with the same content is answered with the same transfer, as it stands by then.
    /// That is so within one home, the book of the first debit: from another book the same id is
    /// another transfer, unless both touch a third book, which refuses the second. A
    /// [host](Self::operations) sees to it that a caller's key is good for one content.
    /// What the home book cannot do is an error, and the id is free again. Where another book
    /// refuses, that is how the transfer stands ([`TransferStatus::Refused`](super::TransferStatus::Refused)), for good. One that is
    /// still [`Moving`](super::TransferStatus::Moving) or
    /// [`Posting`](super::TransferStatus::Posting) is carried on
    /// by due work.
    ///
    /// # Errors
    ///
    /// `invalid_field`, also for one that is to be pending for longer than
    /// [`PENDING_MAX_OF_USERS`](super::PENDING_MAX_OF_USERS) by a caller who does not manage the ledger,
    /// `not_found` for an account that is not there, or not the caller's to debit;
    /// [`LedgerError::Short`], [`LedgerError::Full`], [`LedgerError::UnitMismatch`],
    /// [`LedgerError::Overflow`], each for the first move that fails, and without what is left or free in an
    /// account that the caller may not read; `idempotency_conflict` for an
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
            pending_for_s: request.pending_for_s,
            memo: request.memo,
            ..Transfer::asked(id, caller.app_id().clone(), home, request.moves, now)
        };
        self.start(transfer, Authority::Of(caller.clone())).await
    }

    /// Moves back what a transfer has moved, by a transfer that names it: at most once. As long as the
    /// reversal is there, it is answered again, also when what it reverses was
    /// [closed](Self::close).
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`, `invalid_field` for `book` if an
    /// intent's payment stands in it, which [`Payments`](crate::Payments) gives back;
    /// [`LedgerError::AlreadyReversed`], [`LedgerError::NotPosted`]; as
    /// [`transfer`](Self::transfer).
    pub async fn reverse(
        &self,
        caller: &Caller,
        id: TransferId,
        request: NamedTransfer,
    ) -> Result<Transfer, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        demand_no_payment(&request.book)?;
        let original = self
            .found(caller.app_id(), &request.book, request.transfer)
            .await?;
        let Some(original) = original else {
            return self.reversed(caller, id, &request).await;
        };
        let reversal = original.reversing(id, self.engine().now());
        self.start(reversal, Authority::All).await
    }

    /// Returns the reversal of a transfer that was closed since.
    async fn reversed(
        &self,
        caller: &Caller,
        id: TransferId,
        request: &NamedTransfer,
    ) -> Result<Transfer, LedgerError> {
        let found = self.found(caller.app_id(), &request.book, id).await?;
        let reversal = found.filter(|it| it.reverses == Some(request.transfer));
        let reversal = reversal.ok_or_else(|| Error::not_found("transfer"))?;
        Ok(self.set_off(reversal).await)
    }

    /// Begins a transfer in its home, and drives it as far as it goes.
    pub(super) async fn start(
        &self,
        transfer: Transfer,
        authority: Authority,
    ) -> Result<Transfer, LedgerError> {
        let (transfer, reads) = self.asked(transfer).await?;
        let begin = move |family: &Family, now: Timestamp| {
            let begun = begin(family, transfer.clone(), &authority, now);
            begun.map_err(|refusal| authority.told(family, refusal))
        };
        let begun = self.engine().run(reads, begin).await?.answer;
        Ok(self.set_off(begun).await)
    }

    /// Returns a transfer as it is to be begun, and what has to be read for that.
    pub(super) async fn asked(
        &self,
        mut transfer: Transfer,
    ) -> Result<(Transfer, Command), LedgerError> {
        self.demand_far_accounts(&transfer).await?;
        transfer.feed = self
            .feed()
            .map(|feed| feed.name().clone())
            .or(transfer.feed);
        let reads = command(&transfer.app, &transfer.home)?;
        let mut reads = reads.key(&transfer_key(transfer.id));
        // Within one book there is no plan: to look for none would cost each transfer a look-up.
        if !transfer.far_books().is_empty() {
            let plan = PlanId::of(&transfer).to_string();
            reads = reads.key(&mp_core::steps::plan_key(&plan));
        }
        if let Some(original) = transfer.reverses.or(transfer.returns) {
            reads = reads.key(&transfer_key(original));
        }
        if transfer.feed.is_some() {
            reads = Feed::reads_of_any(reads);
        }
        if transfer.home.is_settlement() {
            reads = Self::reads_fence(reads);
        }
        Ok((transfer, reads))
    }

    /// Drives what was begun as far as it goes.
    pub(super) async fn set_off(&self, begun: Transfer) -> Transfer {
        if begun.far_books().is_empty() || begun.status.is_final() {
            return begun;
        }
        self.driven(begun).await
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
