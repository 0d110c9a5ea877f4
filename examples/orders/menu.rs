use std::collections::BTreeMap;

use mp_core::{Error, ErrorKind, amount::Money, id::Name, label::Label};

use super::Line;

/// The highest price, in minor units; so that the largest order still has a total that JSON carries
/// (50 lines × 99 pieces × 10¹² is below 2⁵³).
pub const PRICE_MAX: i64 = 1_000_000_000_000;

/// What each shop sells, and for how much: a shop has one currency.
#[derive(Clone, Debug, Default)]
pub struct Menu {
    shops: BTreeMap<Name, BTreeMap<Name, Item>>,
}

#[derive(Clone, Debug)]
struct Item {
    title: Label,
    price: Money,
}

impl Menu {
    /// Creates a menu without a shop.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a shop sell an item; a second price for the same item replaces the first.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the price is not between 1 and [`PRICE_MAX`] minor units, or not in the
    /// shop's currency.
    pub fn with(
        mut self,
        shop: Name,
        item: Name,
        title: Label,
        price: Money,
    ) -> Result<Self, Error> {
        if !(1..=PRICE_MAX).contains(&price.minor()) {
            return Err(Error::invalid("price", "is not above zero and in bounds"));
        }
        let items = self.shops.entry(shop).or_default();
        let currency = |sold: &Item| sold.price.currency();
        if items
            .values()
            .any(|sold| currency(sold) != price.currency())
        {
            return Err(Error::invalid("price", "is not in the shop's currency"));
        }
        items.insert(item, Item { title, price });
        Ok(self)
    }

    /// Returns a line of the item at its present price.
    ///
    /// # Errors
    ///
    /// `not_found` if the shop or the item is not on the menu, `invalid_field` for a count that no
    /// line may have.
    pub fn line(&self, shop: &Name, item: &Name, count: u32) -> Result<Line, Error> {
        let items = self.shops.get(shop).ok_or_else(|| not_sold("shop"))?;
        let sold = items.get(item).ok_or_else(|| not_sold("item"))?;
        Line::new(item.clone(), sold.title.clone(), sold.price, count)
    }
}

fn not_sold(field: &'static str) -> Error {
    let message = format!("{field} is not on the menu");
    Error::new(ErrorKind::NotFound, "not_on_menu", message).with_field(field)
}
