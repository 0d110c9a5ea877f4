use std::time::Duration;

use mp_core::{
    Error, Family, Timestamp,
    retention::Rule,
    steps::{Plan, Standing},
};

use super::{
    Transfer, TransferStatus,
    name::BOOKS,
    records::{TRANSFERS, book_in},
};

/// Takes the book of a settlement, or of an [intent's payment](super::LedgerBackend), for closed when
/// nothing of it can move any more; the books of accounts never are, for their journals are [closed](super::Ledger::close) stretch by stretch.
///
/// An intent that was declined may be confirmed again, in the same book, and whoever had a settlement secured
/// may ask once more what became of it: each book is kept for the whole window after it last changed,
/// whatever became of it. So the window has to outlast all that an intent may still ask for: it is no
/// shorter than that of [`ClosedPayments`](crate::retention::ClosedPayments), and longer than a host
/// leaves an intent that was declined neither confirmed again nor canceled. What is asked of a payment
/// whose book was retired all the same, nobody can tell, and a person has to.
///
/// ```
/// use std::time::Duration;
/// use mp_pay::ledger::ClosedSettlements;
///
/// let rule = ClosedSettlements::refundable_for(Duration::from_secs(365 * 24 * 60 * 60));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClosedSettlements {
    refundable_for: Duration,
}

impl ClosedSettlements {
    /// Takes for granted that nothing is given back of what has not changed for so long, and that no
    /// intent is confirmed whose payment has not.
    #[must_use]
    pub const fn refundable_for(window: Duration) -> Self {
        Self {
            refundable_for: window,
        }
    }

    /// Returns whether it may be asked for something yet, whatever has come of it so far.
    fn is_awaited(&self, family: &Family, now: Timestamp) -> bool {
        family.at().plus(self.refundable_for) > now
    }

    fn is_over(&self, transfer: &Transfer, now: Timestamp) -> bool {
        match transfer.status {
            TransferStatus::Posted => {
                transfer.returned >= transfer.posted_amount()
                    || transfer.changed_at.plus(self.refundable_for) <= now
            }
            status => status.is_final(),
        }
    }
}

impl Rule for ClosedSettlements {
    fn kind(&self) -> &str {
        BOOKS
    }

    fn is_closed(&self, family: &Family, now: Timestamp) -> Result<bool, Error> {
        let book = book_in(family)?.filter(|book| book.id.is_reserved());
        if book.is_none_or(|_| self.is_awaited(family, now)) {
            return Ok(false);
        }
        let transfers = family.scan::<Transfer>(TRANSFERS)?;
        let plans = family.scan::<Plan>("s/")?;
        let ended =
            |plan: &Plan| matches!(plan.standing(), Standing::Confirmed | Standing::Released);
        Ok(transfers.iter().all(|(_, it)| self.is_over(it, now))
            && plans.iter().all(|(_, plan)| ended(plan)))
    }
}
