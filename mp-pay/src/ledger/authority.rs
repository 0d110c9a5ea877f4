use mp_core::{Caller, Error, Family};

use super::{LEDGER_MANAGE, LedgerError, Side, Transfer, ledger::owns, records::account_in};

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
}
