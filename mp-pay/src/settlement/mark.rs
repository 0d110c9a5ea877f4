use mp_core::{
    Document, Timestamp,
    port::{Fact, SettlementKey, SettlementStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::returned::goes_back;
use crate::{
    intent::{CaptureMethod, IntentStatus},
    payment::Payment,
};

/// What ties an intent to the capability that asked for it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettlementMark {
    /// The name that the capability gave it.
    pub key: SettlementKey,
    /// Until when securing it is of use.
    pub deadline: Timestamp,
    /// Whether the money was wanted for good; it matters where it was taken at once.
    #[serde(default)]
    pub settled: bool,
    /// Whether it was let go of: carried out as soon as what is known allows.
    #[serde(default)]
    pub released: bool,
    /// How often that was asked for: each time, what the backend has refused to give back is tried
    /// again. The first format did not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<u32>,
}

impl SettlementMark {
    pub(crate) const fn new(key: SettlementKey, deadline: Timestamp) -> Self {
        Self {
            key,
            deadline,
            settled: false,
            released: false,
            asked: None,
        }
    }

    pub(crate) fn times_asked(&self) -> u32 {
        self.asked.unwrap_or(u32::from(self.released))
    }
}

/// Returns where a settlement's payment stands.
pub(crate) fn status_of(payment: &Payment) -> SettlementStatus {
    let intent = &payment.intent;
    let mark = intent.settlement.as_ref();
    let released = mark.is_some_and(|mark| mark.released);
    let settled = mark.is_some_and(|mark| mark.settled);
    let taken_for_good = settled || intent.capture_method == CaptureMethod::Manual;
    match intent.status {
        IntentStatus::RequiresCapture => SettlementStatus::Secured,
        // Nothing is left that is not given back or on its way.
        IntentStatus::Succeeded if released && intent.amount_refundable().is_zero() => {
            SettlementStatus::Released
        }
        // A person has found that what was taken for paid never came.
        IntentStatus::Succeeded if !intent.amount_received.is_positive() => {
            SettlementStatus::Declined
        }
        IntentStatus::Succeeded if goes_back(intent) => SettlementStatus::Released,
        IntentStatus::Succeeded if taken_for_good => SettlementStatus::Settled,
        IntentStatus::Succeeded => SettlementStatus::Secured,
        IntentStatus::Canceled if released => SettlementStatus::Released,
        IntentStatus::Canceled | IntentStatus::RequiresPaymentMethod => SettlementStatus::Declined,
        IntentStatus::RequiresConfirmation
        | IntentStatus::RequiresAction
        | IntentStatus::Processing
        | IntentStatus::Unrecognized => SettlementStatus::Pending,
    }
}

/// The outbox message that tells a capability where its payment stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct FactLearnt {
    pub(crate) fact: Fact,
}

impl Document for FactLearnt {
    const KIND: &'static str = "pay.fact";
    const FORMAT: u32 = 1;
}

impl FactLearnt {
    /// Returns what there is to tell; `None` if nothing is known or nobody asked.
    pub(crate) fn of(payment: &Payment) -> Option<Self> {
        let mark = payment.intent.settlement.as_ref()?;
        let status = status_of(payment);
        let known = status != SettlementStatus::Pending;
        known.then(|| Self {
            fact: Fact {
                app: payment.intent.app.clone(),
                key: mark.key.clone(),
                status,
            },
        })
    }
}
