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
    /// Takes for granted that nothing is given back of what has not changed for so long.
    #[must_use]
    pub const fn refundable_for(window: Duration) -> Self {
        Self {
            refundable_for: window,
        }
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
        if !book_in(family)?.is_some_and(|book| book.id.is_reserved()) {
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
