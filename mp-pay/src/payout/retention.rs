use std::time::Duration;

use mp_core::{Error, Family, Timestamp, port::PayoutStatus, retention::Rule};

use super::PayoutOrder;

/// Takes a payout for closed when no money of it can move any more: it was declined, returned or
/// called off, or was paid so long ago that it does not come back.
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
    /// Takes for granted that what was paid does not come back after the payout has not changed for
    /// so long. How long that is, is between the host and its providers.
    #[must_use]
    pub const fn returnable_for(window: Duration) -> Self {
        Self {
            returnable_for: window,
        }
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
            PayoutStatus::Declined | PayoutStatus::Returned | PayoutStatus::Canceled => true,
            PayoutStatus::Paid => order.changed_at.plus(self.returnable_for) <= now,
            _ => false,
        })
    }
}
