use std::time::Duration;

use mp_core::{Error, Family, Timestamp, port::PayoutStatus, retention::Rule};

use super::PayoutOrder;

/// Takes a payout for closed when no money of it can move any more, and nobody asks for it again: it was
/// paid, returned, declined or called off, and has not changed for so long that it does not come back.
/// What came to nothing is kept as long as what was paid. A capability may ask for it once more, by due work
/// that lay dead for instance, and `archived` does not say whether anything was paid; and of what a person
/// has found declined the backend may still tell otherwise, and a person has to hear of it.
///
/// ```
/// use std::time::Duration;
/// use mp_pay::payout::ClosedPayouts;
///
/// let rule = ClosedPayouts::returnable_for(Duration::from_secs(90 * 24 * 60 * 60));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClosedPayouts {
    returnable_for: Duration,
}

impl ClosedPayouts {
    /// Takes for granted that after a payout has not changed for so long, what was paid does not come back,
    /// nobody says any more that what a person has found declined was paid, and no capability asks once more
    /// for what came to nothing. How long that is, is between the host and its providers.
    #[must_use]
    pub const fn returnable_for(window: Duration) -> Self {
        Self {
            returnable_for: window,
        }
    }

    fn is_over(&self, order: &PayoutOrder, now: Timestamp) -> bool {
        order.changed_at.plus(self.returnable_for) <= now
    }
}

impl Rule for ClosedPayouts {
    fn kind(&self) -> &str {
        "payout"
    }

    fn is_closed(&self, family: &Family, now: Timestamp) -> Result<bool, Error> {
        let Some(order) = family.root::<PayoutOrder>()? else {
            return Ok(false);
        };
        Ok(match order.status {
            // A person has to look.
            _ if order.operation.conflict.is_some() => false,
            PayoutStatus::Paid
            | PayoutStatus::Declined
            | PayoutStatus::Returned
            | PayoutStatus::Canceled => self.is_over(&order, now),
            _ => false,
        })
    }
}
