//! What a [feed](mp_core::feed) is told of payments: money that was taken, and money given back.
//!
//! What an attempt takes after it was given up is returned by itself and is neither. How the payer
//! paid is not told: a payment method token stays where it is.

use mp_core::{Error, amount::Money, feed::News, id::UserId, label::Label};
use serde::{Deserialize, Serialize};

use crate::{
    intent::IntentId,
    payment::Payment,
    refund::{Refund, RefundId, RefundReason},
};

/// The topic of [`Captured`].
pub const CAPTURED: &str = "payment.captured";

/// The topic of [`Refunded`].
pub const REFUNDED: &str = "payment.refunded";

/// The topic of a [`Refunded`] that has failed since: what was given back has come back.
pub const REFUND_FAILED: &str = "payment.refund_failed";

/// Money was taken from a payer: once per intent, or once per capture of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Captured {
    /// The intent.
    pub intent: IntentId,
    /// Who paid.
    pub payer: UserId,
    /// How much.
    pub amount: Money,
    /// What it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
}

/// Money was given back to a payer, once per refund.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Refunded {
    /// The intent that it was taken for.
    pub intent: IntentId,
    /// The refund.
    pub refund: RefundId,
    /// Who got it back.
    pub payer: UserId,
    /// How much.
    pub amount: Money,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
}

/// Returns what there is to tell about a change of a payment.
pub(crate) fn of(before: &Payment, after: &Payment) -> Result<Vec<News>, Error> {
    let mut news = Vec::new();
    let intent = &after.intent;
    let more = intent.amount_received.minor() - before.intent.amount_received.minor();
    if more > 0 {
        let captured = Captured {
            intent: intent.id,
            payer: intent.owner.clone(),
            amount: Money::new(more, intent.amount.currency()),
            description: intent.description.clone(),
        };
        news.push(News::new(CAPTURED, &captured)?);
    }
    for (id, refund) in &after.refunds {
        let was_done = before.refunds.get(id).is_some_and(is_done);
        let told = Refunded {
            intent: intent.id,
            refund: *id,
            payer: intent.owner.clone(),
            amount: refund.amount,
            reason: refund.reason,
        };
        match (was_done, is_done(refund)) {
            (false, true) => news.push(News::new(REFUNDED, &told)?),
            (true, false) => news.push(News::new(REFUND_FAILED, &told)?),
            _ => {}
        }
    }
    Ok(news)
}

fn is_done(refund: &Refund) -> bool {
    refund.operation.is_done()
}
