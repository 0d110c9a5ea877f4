//! Receipts.

use mp_core::{Caller, Error};

use super::Payments;
use crate::{error::PayError, intent::IntentId, receipt::Receipt};

impl Payments {
    /// Returns what a payer can show for a payment, with what was given back of it.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent), and `not_found` as long as nothing was taken.
    pub async fn receipt(&self, caller: &Caller, id: IntentId) -> Result<Receipt, PayError> {
        let payment = self.owned(caller, id).await?;
        Ok(Receipt::of(&payment).ok_or_else(|| Error::not_found("receipt"))?)
    }
}
