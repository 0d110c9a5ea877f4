//! What a payer can show for a payment.

use std::collections::BTreeMap;

use mp_core::{
    Timestamp,
    amount::Money,
    id::{AppId, Name, UserId},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    dispute::{DisputeId, DisputeStatus},
    intent::IntentId,
    payment::Payment,
    refund::{RefundId, RefundStatus},
};

/// What was paid for an intent and what was given back of it, as it stands now.
///
/// How the payer paid is not told: a payment method token stays where it is.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The intent.
    pub intent: IntentId,
    /// The app that was paid.
    pub app: AppId,
    /// Who paid.
    pub payer: UserId,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// What it was made up of, by the names of the order's lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<Name, Money>,
    /// What was taken.
    pub paid: Money,
    /// What was given back, one entry per refund that succeeded.
    pub refunds: BTreeMap<RefundId, Money>,
    /// What the payer's bank took back of it for good, one entry per dispute that was lost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chargebacks: BTreeMap<DisputeId, Money>,
    /// What the payer has paid in the end: `paid` less the refunds and the chargebacks.
    pub net: Money,
    /// As of when this holds: when the payment last changed.
    pub as_of: Timestamp,
}

impl Receipt {
    /// Draws up the receipt; `None` as long as nothing was taken.
    pub(crate) fn of(payment: &Payment) -> Option<Self> {
        let intent = &payment.intent;
        if !intent.amount_received.is_positive() {
            return None;
        }
        let refunds = payment.refunds.values();
        let given = refunds.filter(|refund| refund.status() == RefundStatus::Succeeded);
        let currency = intent.amount.currency();
        let disputes = payment.live_disputes();
        let lost = disputes.filter(|dispute| dispute.status == DisputeStatus::Lost);
        let chargebacks: BTreeMap<_, _> =
            lost.map(|dispute| (dispute.id, dispute.amount)).collect();
        let taken_back: i64 = chargebacks.values().map(|amount| amount.minor()).sum();
        let given_back = intent.amount_refunded.minor();
        let net = intent.amount_received.minor() - given_back - taken_back;
        Some(Self {
            intent: intent.id,
            app: intent.app.clone(),
            payer: intent.owner.clone(),
            description: intent.description.clone(),
            lines: intent.lines.clone(),
            paid: intent.amount_received,
            refunds: given
                .map(|refund| (refund.id, Money::new(refund.given(), currency)))
                .collect(),
            chargebacks,
            net: Money::new(net, currency),
            as_of: intent.changed_at,
        })
    }
}
