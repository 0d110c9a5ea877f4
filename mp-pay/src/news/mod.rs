//! What a [feed](mp_core::feed) is told of payments: each turn that one takes, once, in the commit
//! that decides it.
//!
//! | topic | the event at Stripe | fact | told when |
//! |---|---|---|---|
//! | [`CREATED`] | `payment_intent.created` | [`IntentTurned`] | an intent is created |
//! | [`PROCESSING`] | `payment_intent.processing` | [`IntentTurned`] | the backend has taken a charge and will know later |
//! | [`REQUIRES_ACTION`] | `payment_intent.requires_action` | [`IntentTurned`] | the payer has to do something |
//! | [`AUTHORIZED`] | `payment_intent.amount_capturable_updated` | [`IntentTurned`] | money is held, or more than before |
//! | [`SUCCEEDED`] | `payment_intent.succeeded` | [`IntentTurned`] | all that was to be taken was taken |
//! | [`FAILED`] | `payment_intent.payment_failed` | [`IntentTurned`] | an attempt was declined, or its payer did not act in time |
//! | [`CANCELED`] | `payment_intent.canceled` | [`IntentTurned`] | the intent will not be paid |
//! | [`CAPTURED`] | `charge.captured`, `charge.succeeded` | [`Captured`] | money was taken |
//! | [`CAPTURE_CORRECTED`] | `charge.updated` | [`Captured`] | of what was told as taken so much was found not to have been |
//! | [`REFUNDED`] | `charge.refunded` | [`Refunded`] | money was given back |
//! | [`REFUND_CORRECTED`] | `refund.updated` | [`RefundCorrected`] | another amount was found to have been given back than was told |
//! | [`REFUND_FAILED`] | `refund.failed` | [`Refunded`] | what was given back has come back |
//! | [`REFUND_DECLINED`] | `refund.failed` | [`Refunded`] | a refund did not happen, and will not |
//! | [`DISPUTE_CREATED`] | `charge.dispute.created` | [`Disputed`] | a bank disputes a payment |
//! | [`DISPUTE_CLOSED`] | `charge.dispute.closed` | [`Disputed`] | a dispute was won or lost |
//!
//! Turns are taken from where the payment stands before and after a commit, so that what the backend
//! tells twice, late or in another order is told to the feed once or not at all. What a payment only
//! passes through inside of one commit is not told.
//!
//! What an attempt takes after it was given up is returned by itself and is neither captured nor
//! refunded. What a person finds otherwise than it was told is corrected, so that whoever adds up comes to
//! what an intent has received and given back: [`CAPTURED`] less [`CAPTURE_CORRECTED`] is the one, and
//! [`REFUNDED`] less [`REFUND_FAILED`], with the difference of each [`REFUND_CORRECTED`], the other. How the payer paid is not told: a payment method token stays where it is.

mod turn;

use mp_core::{Error, amount::Money, feed::News, id::UserId, label::Label};
use serde::{Deserialize, Serialize};

use crate::{
    backend::{DeclineCode, Reference},
    dispute::{Dispute, DisputeId, DisputeStatus},
    intent::{CancellationReason, IntentId, IntentStatus, PaymentIntent},
    payment::Payment,
    refund::{Refund, RefundId, RefundReason},
};

/// The topic of an intent that was created.
pub const CREATED: &str = "payment.created";

/// The topic of a charge that the backend has taken on, and will know of later.
pub const PROCESSING: &str = "payment.processing";

/// The topic of an intent whose payer has to do something.
pub const REQUIRES_ACTION: &str = "payment.requires_action";

/// The topic of an intent that holds money, or more than before.
pub const AUTHORIZED: &str = "payment.amount_capturable_updated";

/// The topic of an intent that was paid.
pub const SUCCEEDED: &str = "payment.succeeded";

/// The topic of an attempt that has brought nothing.
pub const FAILED: &str = "payment.payment_failed";

/// The topic of an intent that was given up.
pub const CANCELED: &str = "payment.canceled";

/// The topic of [`Captured`].
pub const CAPTURED: &str = "payment.captured";

/// The topic of a [`Captured`] that takes back part of what was told: so much was never taken.
pub const CAPTURE_CORRECTED: &str = "payment.capture_corrected";

/// The topic of [`Refunded`].
pub const REFUNDED: &str = "payment.refunded";

/// The topic of [`RefundCorrected`].
pub const REFUND_CORRECTED: &str = "payment.refund_corrected";

/// The topic of a [`Refunded`] that has failed since: what was given back has come back.
pub const REFUND_FAILED: &str = "payment.refund_failed";

/// The topic of a [`Refunded`] that never was: it was declined, and nothing was given back.
pub const REFUND_DECLINED: &str = "payment.refund_declined";

/// The topic of a dispute that was heard of.
pub const DISPUTE_CREATED: &str = "payment.dispute_created";

/// The topic of a dispute that is over.
pub const DISPUTE_CLOSED: &str = "payment.dispute_closed";

/// An intent took a turn; the topic says which.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IntentTurned {
    /// The intent.
    pub intent: IntentId,
    /// Who is to pay.
    pub payer: UserId,
    /// Where it stands now.
    pub status: IntentStatus,
    /// What is to be paid.
    pub amount: Money,
    /// What can be captured.
    pub amount_capturable: Money,
    /// How many attempts there were.
    pub attempts: u32,
    /// Why the last attempt was declined, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<DeclineCode>,
    /// Why it was given up, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CancellationReason>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
}

/// Money was taken from a payer: once per intent, or once per capture of it. Or, as the topic says, so
/// much less was taken than was told.
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

/// A refund was found to have given back another amount than was told.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RefundCorrected {
    /// The intent that it was taken for.
    pub intent: IntentId,
    /// The refund.
    pub refund: RefundId,
    /// Who got it back.
    pub payer: UserId,
    /// How much was told before.
    pub told: Money,
    /// How much it is.
    pub amount: Money,
}

/// A payer's bank disputes a payment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Disputed {
    /// The intent that was paid.
    pub intent: IntentId,
    /// The dispute.
    pub dispute: DisputeId,
    /// The backend's name for it.
    pub reference: Reference,
    /// Whose bank it is.
    pub payer: UserId,
    /// How much is disputed.
    pub amount: Money,
    /// How far it has come.
    pub status: DisputeStatus,
}

/// Returns what there is to tell about a change of a payment, or of its creation.
pub(crate) fn of(before: Option<&Payment>, after: &Payment) -> Result<Vec<News>, Error> {
    let mut news = Vec::new();
    for topic in turn::topics(before, after) {
        news.push(News::new(topic, &IntentTurned::of(&after.intent))?);
    }
    if let Some((topic, captured)) = Captured::since(before, after) {
        news.push(News::new(topic, &captured)?);
    }
    for refund in after.refunds.values() {
        let known = before.and_then(|before| before.refunds.get(&refund.id));
        let known = known.map(AsRef::as_ref);
        if let Some(corrected) = RefundCorrected::since(known, refund, &after.intent) {
            news.push(News::new(REFUND_CORRECTED, &corrected)?);
        }
        if let Some(topic) = turn::of_refund(known, refund) {
            // What was given back and has failed since had moved as much as was told then.
            let moved = if refund.operation.is_done() {
                refund.given()
            } else {
                known.map_or(0, Refund::given)
            };
            news.push(News::new(
                topic,
                &Refunded::of(&after.intent, refund, moved),
            )?);
        }
    }
    for dispute in after.disputes.values() {
        let known = before.and_then(|before| before.disputes.get(&dispute.id));
        for topic in turn::of_dispute(known.map(AsRef::as_ref), dispute) {
            news.push(News::new(topic, &Disputed::of(&after.intent, dispute))?);
        }
    }
    Ok(news)
}

impl IntentTurned {
    fn of(intent: &PaymentIntent) -> Self {
        Self {
            intent: intent.id,
            payer: intent.owner.clone(),
            status: intent.status,
            amount: intent.amount,
            amount_capturable: intent.amount_capturable,
            attempts: intent.attempts,
            code: intent.last_error.clone(),
            reason: intent.cancellation_reason,
            description: intent.description.clone(),
        }
    }
}

impl Captured {
    /// Returns what was taken since, or what was found not to have been, each under its topic.
    fn since(before: Option<&Payment>, after: &Payment) -> Option<(&'static str, Self)> {
        let intent = &after.intent;
        let taken = before.map_or(0, |before| before.intent.amount_received.minor());
        let more = intent.amount_received.minor() - taken;
        let topic = match more {
            0 => return None,
            ..0 => CAPTURE_CORRECTED,
            _ => CAPTURED,
        };
        let captured = Self {
            intent: intent.id,
            payer: intent.owner.clone(),
            amount: Money::new(more.saturating_abs(), intent.amount.currency()),
            description: intent.description.clone(),
        };
        Some((topic, captured))
    }
}

impl Refunded {
    /// Tells of so much that has moved, or, where nothing has, of what was asked for.
    fn of(intent: &PaymentIntent, refund: &Refund, moved: i64) -> Self {
        let asked = refund.amount;
        let amount = match moved {
            0 => asked,
            moved => Money::new(moved, asked.currency()),
        };
        Self {
            intent: intent.id,
            refund: refund.id,
            payer: intent.owner.clone(),
            amount,
            reason: refund.reason,
        }
    }
}

impl RefundCorrected {
    fn since(before: Option<&Refund>, after: &Refund, intent: &PaymentIntent) -> Option<Self> {
        let both = [before?, after];
        let [told, amount] = both.map(|it| Money::new(it.given(), it.amount.currency()));
        let done = both.iter().all(|it| it.operation.is_done());
        (done && told != amount).then(|| Self {
            intent: intent.id,
            refund: after.id,
            payer: intent.owner.clone(),
            told,
            amount,
        })
    }
}

impl Disputed {
    fn of(intent: &PaymentIntent, dispute: &Dispute) -> Self {
        Self {
            intent: intent.id,
            dispute: dispute.id,
            reference: dispute.reference.clone(),
            payer: intent.owner.clone(),
            amount: dispute.amount,
            status: dispute.status,
        }
    }
}
