//! What a [feed](mp_core::feed) is told of payments: money that was taken, and money given back.
//!
//! What an attempt takes after it was given up is returned by itself and is neither. How the payer
//! paid is not told: a payment method token stays where it is.

use mp_core::{Error, amount::Money, feed::News, id::UserId, label::Label};
use serde::{Deserialize, Serialize};

use crate::{
    intent::IntentId,
    operation::Stage,
    payment::Payment,
    refund::{Refund, RefundId, RefundReason},
};

/// The topic of [`Captured`].
pub const CAPTURED: &str = "payment.captured";

/// The topic of [`Refunded`].
pub const REFUNDED: &str = "payment.refunded";

/// Money was taken from a payer, once per intent at most.
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
    if !intent.amount_received.is_zero() && before.intent.amount_received.is_zero() {
        let captured = Captured {
            intent: intent.id,
            payer: intent.owner.clone(),
            amount: intent.amount_received,
            description: intent.description.clone(),
        };
        news.push(News::new(CAPTURED, &captured)?);
    }
    for (id, refund) in &after.refunds {
        if is_done(refund) && !before.refunds.get(id).is_some_and(is_done) {
            let refunded = Refunded {
                intent: intent.id,
                refund: *id,
                payer: intent.owner.clone(),
                amount: refund.amount,
                reason: refund.reason,
            };
            news.push(News::new(REFUNDED, &refunded)?);
        }
    }
    Ok(news)
}

fn is_done(refund: &Refund) -> bool {
    refund.operation.stage == Stage::Done
}
