use std::fmt;

use mp_core::{
    Error, Timestamp,
    amount::{AmountError, Money},
    id::Name,
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Line, Order, OrderId, OrderState, Payment, order::no_total};

/// What was ordered, paid and given back.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The order's id.
    pub order: OrderId,
    /// The shop.
    pub shop: Name,
    /// When the order was placed.
    pub placed_at: Timestamp,
    /// Where the order stands.
    pub state: OrderState,
    /// What was ordered.
    pub lines: Vec<ReceiptLine>,
    /// What the lines cost together.
    pub total: Money,
    /// What the buyer has paid.
    pub paid: Money,
    /// What the buyer got back.
    pub given_back: Money,
    /// What was paid less what was given back.
    pub kept: Money,
}

/// One line of a receipt.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct ReceiptLine {
    /// The item's title.
    pub title: Label,
    /// The number of pieces.
    pub count: u32,
    /// The price of one piece.
    pub price: Money,
    /// What all pieces cost.
    pub total: Money,
}

impl Receipt {
    /// Writes the receipt of an order as it stands.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the lines have no total, which no order of a [`Menu`](super::Menu) leads
    /// to.
    pub fn of(order: &Order) -> Result<Self, Error> {
        let zero = Money::zero(order.total().currency());
        let paid = match order.payment() {
            Some(Payment::Settled { .. }) => order.total(),
            Some(Payment::Declined { .. }) | None => zero,
        };
        let returned = order.returned().and_then(super::Return::returned_at);
        let given_back = returned.map_or(zero, |_| paid);
        let lines = order.lines().iter().map(ReceiptLine::of);
        Ok(Self {
            order: order.id(),
            shop: order.shop().clone(),
            placed_at: order.placed_at(),
            state: order.state(),
            lines: lines.collect::<Result<_, _>>().map_err(no_total)?,
            total: order.total(),
            paid,
            given_back,
            kept: paid.checked_sub(given_back).map_err(no_total)?,
        })
    }
}

impl ReceiptLine {
    fn of(line: &Line) -> Result<Self, AmountError> {
        Ok(Self {
            title: line.title().clone(),
            count: line.count(),
            price: line.price(),
            total: line.total()?,
        })
    }
}

/// Writes it as a till would: a line each, amounts below one another.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.shop, self.order)?;
        // The text form has a fixed width, and nobody at a till reads fractions of seconds.
        let placed_at = format!("{:.16}", self.placed_at.to_string());
        writeln!(f, "{} UTC", placed_at.replace('T', " "))?;
        for line in &self.lines {
            writeln!(
                f,
                "{:>3} × {:<24}{:>16}",
                line.count,
                line.title.as_str(),
                line.total
            )?;
        }
        for (title, amount) in [
            ("total", self.total),
            ("paid", self.paid),
            ("given back", self.given_back),
        ] {
            writeln!(f, "      {title:<24}{amount:>16}")?;
        }
        Ok(())
    }
}
