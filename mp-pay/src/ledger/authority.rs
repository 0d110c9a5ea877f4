use mp_core::{Caller, Error, Family};

use super::{
    AccountId, LEDGER_MANAGE, LedgerError, PENDING_MAX_OF_USERS, Side, Transfer, ledger::owns,
    records::account_in,
};

/// On whose behalf a transfer is made.
#[derive(Clone, Debug)]
pub(super) enum Authority {
    /// The ledger's own: it was checked elsewhere.
    All,
    /// A caller's, who must own what is debited or manage the ledger.
    Of(Caller),
}

impl Authority {
    /// Refuses to debit what is not the caller's.
    pub(super) fn demand(&self, family: &Family, transfer: &Transfer) -> Result<(), LedgerError> {
        let Self::Of(caller) = self else {
            return Ok(());
        };
        let manager = caller.has(&LEDGER_MANAGE);
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

    /// Refuses to hold for longer than a caller may have anything held who does not manage the ledger.
    pub(super) fn demand_span(&self, transfer: &Transfer) -> Result<(), Error> {
        let is_users = matches!(self, Self::Of(caller) if !caller.has(&LEDGER_MANAGE));
        let seconds = transfer.pending_for_s.unwrap_or_default();
        match is_users && seconds > PENDING_MAX_OF_USERS.as_secs() {
            true => Err(Error::invalid("pending_for_s", "is more than 7 days")),
            false => Ok(()),
        }
    }

    /// Leaves out of a refusal what an account holds that is not the caller's to read.
    pub(super) fn told(&self, family: &Family, mut refusal: LedgerError) -> LedgerError {
        let (account, number) = match &mut refusal {
            LedgerError::Short {
                account, available, ..
            } => (account, available),
            LedgerError::Full { account, room, .. } => (account, room),
            _ => return refusal,
        };
        if !self.may_read(family, account) {
            *number = None;
        }
        refusal
    }

    fn may_read(&self, family: &Family, account: &AccountId) -> bool {
        let Self::Of(caller) = self else {
            return true;
        };
        let found = account_in(family, account).ok().flatten();
        found.is_some_and(|found| owns(caller, &found).is_ok())
    }
}
