//! What a backend tells of disputes.

use std::sync::Arc;

use mp_core::{Caller, Error, amount::JSON_INTEGER_MAX, id::Name};

use super::{DisputeNotice, PAY_MANAGE, Payments};
use crate::{
    dispute::{DISPUTES_MAX, Dispute, DisputeId},
    error::PayError,
    intent::{IntentId, PaymentIntent},
    journal::Event,
    payment::{self, Change},
};

impl Payments {
    /// Takes in what the backend tells of a dispute or chargeback. It may come twice, late and in
    /// any order. While the bank has the money, no new refund of it is taken; one that was asked for before
    /// stands for what it was asked to be, and is carried out. What is disputed of an
    /// [attempt](DisputeNotice::attempt) that was given up is kept, and counts against no other.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, `invalid_field` for an amount that is not more than zero, more than
    /// [`JSON_INTEGER_MAX`] or not in the intent's currency, and for an attempt that there is not;
    /// [`PayError::TooMany`], the store's errors.
    pub async fn observe_dispute(
        &self,
        caller: &Caller,
        notice: DisputeNotice,
    ) -> Result<PaymentIntent, PayError> {
        self.observe_dispute_by(caller, None, notice).await
    }

    /// Takes in what one of [several backends](crate::routing) tells of a dispute, as
    /// [`observe_dispute`](Self::observe_dispute) does: only of an attempt that went to this backend.
    ///
    /// # Errors
    ///
    /// As [`observe_dispute`](Self::observe_dispute), [`PayError::BackendMissing`], and `not_found`
    /// for what went to another backend.
    pub async fn observe_dispute_from(
        &self,
        caller: &Caller,
        backend: &Name,
        notice: DisputeNotice,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        self.routing.backend(Some(backend))?;
        self.observe_dispute_by(caller, Some(backend.clone()), notice)
            .await
    }

    async fn observe_dispute_by(
        &self,
        caller: &Caller,
        backend: Option<Name>,
        notice: DisputeNotice,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        let id = notice.intent;
        let parts = [&id.to_string(), "dispute", notice.reference.as_str()];
        let name = DisputeId::derived(&parts);
        let tell = move |change: &mut Change| {
            check_whose(change, &notice, backend.as_ref())?;
            check(change, &notice, name)?;
            let dispute = Dispute {
                id: name,
                reference: notice.reference.clone(),
                attempt: notice.attempt,
                amount: notice.amount,
                status: notice.status,
                reason: notice.reason.clone(),
                told_at: change.now(),
            };
            let event = Event::DisputeTold { dispute };
            if change.is_news(&event)? {
                change.apply(event)?;
            }
            Ok(change.payment().clone())
        };
        let command = payment::command(caller.app_id(), id)?;
        Ok(self.change(command, tell).await?.shown_to(caller))
    }

    /// Returns an intent's disputes, in the order of their ids.
    ///
    /// # Errors
    ///
    /// As [`intent`](Self::intent), and `forbidden` for the payer.
    pub async fn disputes(&self, caller: &Caller, id: IntentId) -> Result<Vec<Dispute>, PayError> {
        caller.require(&PAY_MANAGE)?;
        let payment = self.owned(caller, id).await?;
        let disputes = payment.disputes.into_values();
        Ok(disputes.map(Arc::unwrap_or_clone).collect())
    }
}

/// Refuses what a backend tells of an attempt that went to another.
fn check_whose(
    change: &Change,
    notice: &DisputeNotice,
    backend: Option<&Name>,
) -> Result<(), PayError> {
    let payment = change.payment();
    let step = payment.disputed_charge(notice.attempt);
    match backend {
        Some(backend) if !change.routing().is_of(backend, payment, step) => {
            Err(Error::not_found("dispute").into())
        }
        _ => Ok(()),
    }
}

fn check(change: &Change, notice: &DisputeNotice, name: DisputeId) -> Result<(), PayError> {
    let payment = change.payment();
    let same = notice.amount.currency() == payment.intent.amount.currency();
    if !same || !(1..=JSON_INTEGER_MAX).contains(&notice.amount.minor()) {
        let problem = "is not more than zero, too large, or not in the currency of the intent";
        return Err(Error::invalid("amount", problem).into());
    }
    if notice
        .attempt
        .is_some_and(|it| payment.attempt(it).is_none())
    {
        return Err(Error::invalid("attempt", "is none of the intent's").into());
    }
    let known = payment.disputes.contains_key(&name);
    if !known && payment.disputes.len() >= DISPUTES_MAX as usize {
        let (what, most) = ("disputes", DISPUTES_MAX);
        return Err(PayError::TooMany { what, most });
    }
    Ok(())
}
