use mp_core::{
    Timestamp,
    port::{Declined, SecureRequest, SettlementKey},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Order, OrderEvent, OrderId};

/// What was observed of an order's payment; final.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Payment {
    /// The money was taken.
    Settled {
        /// When that was learnt.
        at: Timestamp,
    },
    /// It was declined.
    Declined {
        /// A code such as `insufficient_funds`.
        code: String,
        /// When that was learnt.
        at: Timestamp,
    },
}

impl Payment {
    /// Returns what the payment means for its order.
    pub(super) const fn event(&self) -> OrderEvent {
        match self {
            Self::Settled { .. } => OrderEvent::Pay,
            Self::Declined { .. } => OrderEvent::Cancel,
        }
    }

    /// Returns the payment's key, which follows from the order.
    pub(super) fn key(order: OrderId) -> SettlementKey {
        SettlementKey::new(order.to_string()).expect("an id is 30 letters, digits and `_`")
    }

    /// Returns what is asked of the settlement: the same for an order however often it is asked.
    pub(super) fn request(order: &Order) -> SecureRequest {
        SecureRequest {
            key: Self::key(order.id()),
            app: order.app().clone(),
            payer: order.owner().clone(),
            amount: order.total(),
            deadline: order.pay_by(),
        }
    }
}

/// What became of a wish to pay an order.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PayOutcome {
    /// The money was taken.
    Paid {
        /// The order as it stands now.
        order: Box<Order>,
    },
    /// The payer has to do something first, then pay again.
    NeedsAction {
        /// What, as data for the payer's screen.
        action: Value,
    },
    /// It was declined, and the order canceled.
    Declined {
        /// A code such as `insufficient_funds`.
        code: String,
    },
}

impl PayOutcome {
    /// Returns the outcome that the order has recorded, if there is one.
    pub(super) fn of(order: Order) -> Option<Self> {
        match order.payment()? {
            Payment::Settled { .. } => Some(Self::Paid {
                order: Box::new(order),
            }),
            Payment::Declined { code, .. } => Some(Self::Declined { code: code.clone() }),
        }
    }
}

/// What the settlement has told of a payment, the time left out, which the commit gives.
#[derive(Clone, Debug)]
pub(super) enum Observed {
    Settled,
    Declined(Declined),
}

impl Observed {
    pub(super) fn at(&self, at: Timestamp) -> Payment {
        match self {
            Self::Settled => Payment::Settled { at },
            Self::Declined(declined) => Payment::Declined {
                code: declined.code.clone(),
                at,
            },
        }
    }
}
