//! How a payment stands in its partition: the intent as root, `a/{n}` attempts, `f/{id}` refunds,
//! `d/{id}` disputes, `j/{number}` the journal, `~o/pay.operation/…` what is not known yet.

use mp_core::{Command, Document, Error, Family, Timestamp, id::AppId, store::Partition};
use serde::{Deserialize, Serialize};

use super::Payment;
use crate::{
    attempt::Attempt,
    dispute::Dispute,
    intent::{IntentId, IntentStatus, PaymentIntent},
    refund::Refund,
};

/// The root: an intent, or the mark of one that was let go before it was seen.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Root {
    Intent(Box<PaymentIntent>),
    Fence(Fence),
}

/// Keeps a settlement's key from being used: it was let go of or of no use before it was seen.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Fence {
    pub(crate) fenced_at: Timestamp,
    /// Why: `released`, `expired`, `no_payment_method` or `no_route`.
    pub(crate) code: String,
}

impl Document for Root {
    const KIND: &'static str = "payment_intent";
    const FORMAT: u32 = 3;
}

/// Addresses everything of an intent that decisions read.
pub(crate) fn command(app: &AppId, intent: IntentId) -> Result<Command, Error> {
    let partition = Partition::new(app, "pay", &intent.to_string())?;
    Ok(on(partition))
}

fn on(partition: Partition) -> Command {
    Command::on(partition)
        .prefix("a/")
        .prefix("d/")
        .prefix("f/")
        .prefix("j/")
}

/// Reads a payment; `None` if there is none.
pub(crate) fn load(family: &Family) -> Result<Option<Payment>, Error> {
    let Some(root) = family.root::<Root>()? else {
        return Ok(None);
    };
    let Root::Intent(intent) = &*root else {
        return Ok(None);
    };
    let attempts = family.scan::<Attempt>("a/")?;
    let refunds = family.scan::<Refund>("f/")?;
    let disputes = family.scan::<Dispute>("d/")?;
    let awaits_payer = intent.status == IntentStatus::RequiresAction;
    let complete = |attempt: &Attempt| {
        let mut attempt = attempt.clone();
        let live = intent.attempt == Some(attempt.number) && awaits_payer;
        attempt.complete(live.then_some(intent.next_action.as_ref()).flatten());
        attempt
    };
    Ok(Some(Payment {
        intent: (**intent).clone(),
        attempts: attempts
            .into_iter()
            .map(|(_, attempt)| complete(&attempt))
            .collect(),
        disputes: disputes
            .into_iter()
            .map(|(_, dispute)| (dispute.id, Dispute::clone(&dispute)))
            .collect(),
        refunds: refunds
            .into_iter()
            .map(|(_, refund)| (refund.id, Refund::clone(&refund)))
            .collect(),
    }))
}
