use mp_core::amount::Amount;

use crate::ledger::{Account, LedgerError, Leg, SUM_MAX, Side};

/// Refuses to take from an account more than it has to give, or to put in more than it has room for.
pub(super) fn within_bounds(account: &Account, leg: &Leg, on: Side) -> Result<(), LedgerError> {
    let (of_move, asked) = (leg.of_move, leg.amount);
    let amount = |minor| Amount::new(minor, leg.unit.clone());
    if account.side == on {
        match account.room() {
            Some(room) if asked > room => Err(LedgerError::Full {
                of_move,
                account: account.id.clone(),
                room: Some(amount(room)),
                asked: amount(asked),
            }),
            _ => Ok(()),
        }
    } else {
        match account.available() {
            Some(available) if asked > available => Err(LedgerError::Short {
                of_move,
                account: account.id.clone(),
                available: Some(amount(available)),
                asked: amount(asked),
            }),
            _ => Ok(()),
        }
    }
}

/// Refuses what could not be counted once all that is pending is posted.
pub(super) fn within_sums(account: &Account, leg: &Leg, on: Side) -> Result<(), LedgerError> {
    if leg.amount > SUM_MAX.saturating_sub(account.balance.sum(on)) {
        return Err(LedgerError::Overflow {
            of_move: leg.of_move,
            account: account.id.clone(),
        });
    }
    Ok(())
}
