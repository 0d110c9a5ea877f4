use std::time::Duration;

use mp_core::{
    Document, Error, Timestamp,
    amount::Money,
    id::{AppId, UserId},
    port::{PayoutKey, PayoutRequest, Receiver, SecureRequest, SettlementKey},
    store::Partition,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stage::{Event, Stage};

/// How long a customer's money is tried to be held.
const PAYMENT_TIME: Duration = Duration::from_secs(15 * 60);

mp_core::id_type!(
    /// Names an errand.
    pub(crate) ErrandId, "er"
);

/// A dish that a courier brings: what it costs the customer, and what the courier gets for it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Errand {
    pub(crate) id: ErrandId,
    pub(crate) app: AppId,
    pub(crate) customer: UserId,
    pub(crate) price: Money,
    pub(crate) wage: Money,
    pub(crate) pay_by: Timestamp,
    pub(crate) stage: Stage,
    /// Who has handed it over.
    pub(crate) courier: Option<UserId>,
    /// How often the courier's account took no money.
    pub(crate) failures: u32,
    /// Why money last could not be moved.
    pub(crate) code: Option<String>,
    /// What the customer has to do before the money is held, as data for a screen.
    #[serde(default)]
    pub(crate) action: Option<Value>,
}

impl Document for Errand {
    const KIND: &'static str = "errand";
    const FORMAT: u32 = 2;
}

/// What a customer asks for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) price: Money,
    pub(crate) wage: Money,
}

impl Errand {
    pub(crate) fn of(
        id: ErrandId,
        (app, customer): (AppId, UserId),
        order: Order,
        now: Timestamp,
    ) -> Result<Self, Error> {
        for (field, amount) in [("price", order.price), ("wage", order.wage)] {
            if !amount.is_positive() {
                return Err(Error::invalid(field, "is not more than zero"));
            }
        }
        Ok(Self {
            id,
            app,
            customer,
            price: order.price,
            wage: order.wage,
            pay_by: now.plus(PAYMENT_TIME),
            stage: Stage::Ordered,
            courier: None,
            failures: 0,
            code: None,
            action: None,
        })
    }

    /// Returns whether this is what the customer asked for.
    pub(crate) fn is_of(&self, order: Order) -> bool {
        (self.price, self.wage) == (order.price, order.wage)
    }

    pub(crate) fn partition(app: &AppId, id: ErrandId) -> Result<Partition, Error> {
        Partition::new(app, "errand", &id.to_string())
    }

    /// Returns the errand after an event; nothing if the event does not belong here.
    pub(crate) fn after(&self, event: &Event) -> Option<Self> {
        let stage = self.stage.next(event)?;
        let mut after = Self {
            stage,
            action: None,
            ..self.clone()
        };
        match event {
            Event::Asked(action) => after.action = Some(action.clone()),
            Event::HandedOver(courier) => after.courier = Some(courier.clone()),
            Event::Refused(code) | Event::Lost(code) => after.code = Some(code.clone()),
            Event::Unpaid(code) => {
                after.code = Some(code.clone());
                after.failures += 1;
            }
            Event::Secured | Event::Charged | Event::Paid | Event::PayAgain => {}
        }
        Some(after)
    }

    /// Returns the name of the customer's payment.
    pub(crate) fn payment(&self) -> Result<SettlementKey, Error> {
        SettlementKey::new(self.id.to_string())
    }

    pub(crate) fn secure(&self) -> Result<SecureRequest, Error> {
        Ok(SecureRequest {
            key: self.payment()?,
            app: self.app.clone(),
            payer: self.customer.clone(),
            amount: self.price,
            deadline: self.pay_by,
        })
    }

    /// Returns what is asked for so that the courier is paid: the same after any crash, and under
    /// another key only once the one before has failed for good.
    pub(crate) fn pay_courier(&self) -> Result<PayoutRequest, Error> {
        let courier = self.courier.clone();
        let courier = courier.ok_or_else(|| Error::not_found("courier"))?;
        Ok(PayoutRequest {
            key: PayoutKey::new(format!("{}-{}", self.id, self.failures))?,
            app: self.app.clone(),
            receiver: Receiver::user(courier),
            amount: self.wage,
            reason: "for bringing a dish".parse().expect("a short text"),
        })
    }
}

/// The work that goes on with an errand whose money is to be moved.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ErrandDue {
    pub(crate) app: AppId,
    pub(crate) errand: ErrandId,
}

impl ErrandDue {
    pub(crate) fn of(errand: &Errand) -> Self {
        let (app, errand) = (errand.app.clone(), errand.id);
        Self { app, errand }
    }
}

impl Document for ErrandDue {
    const KIND: &'static str = "errand.due";
    const FORMAT: u32 = 1;
}
