//! What is asked of refunds.

use mp_core::{Caller, Error, id::IdempotencyKey};

use super::{Payments, RefundIntent, manages};
use crate::{
    error::PayError,
    intent::IntentId,
    journal::Event,
    payment::Change,
    refund::{REFUNDS_MAX, Refund, RefundId},
};

impl Payments {
    /// Gives back what was taken, all or part of it. Its id is derived from the intent, the caller
    /// and the key.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`], [`PayError::AmountTooLarge`] if it
    /// is more than is left and not claimed by another refund, [`PayError::Unsupported`] for a part
    /// where the backend refunds everything or nothing, [`PayError::TooMany`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn refund(
        &self,
        caller: &Caller,
        request: RefundIntent,
        key: &IdempotencyKey,
    ) -> Result<Refund, PayError> {
        manages(caller)?;
        let intent = request.intent;
        let command = self.command(caller, "pay.refund", intent, key, &request)?;
        let (id, whose) = (intent.to_string(), caller.key_segment());
        let refund = RefundId::derived(&[&id, whose, "pay.refund", key.as_str()]);
        let partial = self.backend.capabilities().partial_refund;
        let ask = move |change: &mut Change| {
            if change.payment().refunds.len() >= REFUNDS_MAX as usize {
                let (what, most) = ("refunds", REFUNDS_MAX);
                return Err(PayError::TooMany { what, most });
            }
            let left = change.payment().intent.amount_refundable();
            let amount = request.amount.unwrap_or(left);
            if !partial && amount != change.payment().intent.amount_received {
                return Err(PayError::Unsupported("partial refund"));
            }
            let reason = request.reason;
            change.apply(Event::RefundAsked {
                refund,
                amount,
                reason,
            })
        };
        self.change(command, ask).await?;
        let payment = self.carry_on(caller.app_id(), intent).await?;
        let refund = payment.refunds.get(&refund).cloned();
        Ok(refund.ok_or_else(|| Error::not_found("refund"))?)
    }

    /// Returns an intent's refunds, in the order of their ids.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent).
    pub async fn refunds(&self, caller: &Caller, id: IntentId) -> Result<Vec<Refund>, PayError> {
        Ok(self
            .owned(caller, id)
            .await?
            .refunds
            .into_values()
            .collect())
    }
}
