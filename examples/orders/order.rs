use std::time::Duration;

use mp_core::{
    Document, Error, Timestamp,
    amount::{AmountError, Money},
    id::{AppId, Name, UserId},
    label::Label,
    store::Partition,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Line, OrderEvent, OrderState, Payment, Return, basket, line};

/// How long an order can be paid for.
pub const PAYMENT_TIME: Duration = Duration::from_secs(15 * 60);

mp_core::id_type!(
    /// Names an order.
    pub OrderId, "ord"
);

/// What somebody has ordered, at the prices of that moment, and how far it got.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Order {
    id: OrderId,
    app: AppId,
    owner: UserId,
    shop: Name,
    lines: Vec<Line>,
    total: Money,
    state: OrderState,
    placed_at: Timestamp,
    pay_by: Timestamp,
    payment: Option<Payment>,
    #[serde(rename = "return")]
    returned: Option<Return>,
}

impl Document for Order {
    const KIND: &'static str = "order";
    const FORMAT: u32 = 2;
}

/// Who orders, and under which id.
#[derive(Clone, Debug)]
pub(super) struct Buyer {
    pub(super) app: AppId,
    pub(super) owner: UserId,
    pub(super) id: OrderId,
}

impl Order {
    /// Places an order of some lines.
    ///
    /// # Errors
    ///
    /// `basket_empty` without lines; `invalid_field` if the lines have no total.
    pub(super) fn place(
        buyer: Buyer,
        shop: Name,
        lines: Vec<Line>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let currency = lines.first().ok_or_else(basket::empty)?.price().currency();
        let total = line::total(currency, &lines).map_err(no_total)?;
        Ok(Self {
            id: buyer.id,
            app: buyer.app,
            owner: buyer.owner,
            shop,
            lines,
            total,
            state: OrderState::Placed,
            placed_at: now,
            pay_by: now.plus(PAYMENT_TIME),
            payment: None,
            returned: None,
        })
    }

    /// Takes note of a payment's outcome; the first one counts.
    pub(super) fn observe(mut self, payment: Payment) -> Result<Self, Error> {
        if self.payment.is_none() {
            self.state = self.state.next(payment.event())?;
            self.payment = Some(payment);
        }
        Ok(self)
    }

    /// Hands the order over.
    pub(super) fn fulfil(mut self) -> Result<Self, Error> {
        self.state = self.state.next(OrderEvent::Fulfil)?;
        Ok(self)
    }

    /// Asks to give the order back.
    pub(super) fn request_return(mut self, reason: Label, now: Timestamp) -> Result<Self, Error> {
        self.state = self.state.next(OrderEvent::RequestReturn)?;
        self.returned = Some(Return::requested(reason, now));
        Ok(self)
    }

    /// Takes note that the money was given back; a second time changes nothing.
    pub(super) fn give_back(mut self, now: Timestamp) -> Result<Self, Error> {
        if self.state != OrderState::Returned {
            self.state = self.state.next(OrderEvent::Return)?;
            self.returned = self.returned.map(|wish| wish.done(now));
        }
        Ok(self)
    }

    /// Takes note that `wish` could not be met, unless somebody has since then.
    pub(super) fn fail_return(mut self, wish: &Return) -> Self {
        if self.state == OrderState::ReturnRequested && self.returned.as_ref() == Some(wish) {
            self.returned = self.returned.map(Return::failed);
        }
        self
    }

    pub(super) fn partition(app: &AppId, id: OrderId) -> Result<Partition, Error> {
        Partition::new(app, "order", &id.to_string())
    }

    /// Returns the id.
    #[must_use]
    pub const fn id(&self) -> OrderId {
        self.id
    }

    /// Returns the app that it was placed in.
    #[must_use]
    pub const fn app(&self) -> &AppId {
        &self.app
    }

    /// Returns the buyer.
    #[must_use]
    pub const fn owner(&self) -> &UserId {
        &self.owner
    }

    /// Returns the shop.
    #[must_use]
    pub const fn shop(&self) -> &Name {
        &self.shop
    }

    /// Returns the lines, at the prices of the moment they were added to the basket.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns what the lines cost together.
    #[must_use]
    pub const fn total(&self) -> Money {
        self.total
    }

    /// Returns where it stands.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Returns when it was placed.
    #[must_use]
    pub const fn placed_at(&self) -> Timestamp {
        self.placed_at
    }

    /// Returns until when it can be paid for: [`PAYMENT_TIME`] after it was placed.
    #[must_use]
    pub const fn pay_by(&self) -> Timestamp {
        self.pay_by
    }

    /// Returns the payment, once its outcome is known.
    #[must_use]
    pub const fn payment(&self) -> Option<&Payment> {
        self.payment.as_ref()
    }

    /// Returns the buyer's wish to give it back, if there is one.
    #[must_use]
    pub const fn returned(&self) -> Option<&Return> {
        self.returned.as_ref()
    }
}

/// The error of lines whose prices cannot be added up.
pub(super) fn no_total(error: AmountError) -> Error {
    Error::invalid("lines", "have no total").with_source(error)
}
