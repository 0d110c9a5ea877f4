use mp_core::{
    Error,
    amount::{Amount, AmountError, Currency, Money},
    id::Name,
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most pieces of one item in a basket.
pub const COUNT_MAX: u32 = 99;

/// So many of one item, at the price of the moment it was added.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Line {
    item: Name,
    title: Label,
    price: Money,
    count: u32,
}

impl Line {
    /// Creates a line.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the count is not between 1 and [`COUNT_MAX`].
    pub fn new(item: Name, title: Label, price: Money, count: u32) -> Result<Self, Error> {
        if !(1..=COUNT_MAX).contains(&count) {
            return Err(Error::invalid("count", "is not between 1 and 99"));
        }
        Ok(Self {
            item,
            title,
            price,
            count,
        })
    }

    /// Returns this line with as many more pieces as `more` has, at its price, which is newer.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the sum is over [`COUNT_MAX`].
    pub(super) fn and(&self, more: &Self) -> Result<Self, Error> {
        let count = self.count.saturating_add(more.count);
        Self::new(more.item.clone(), more.title.clone(), more.price, count)
    }

    /// Returns the item's name on the menu.
    #[must_use]
    pub const fn item(&self) -> &Name {
        &self.item
    }

    /// Returns the item's title.
    #[must_use]
    pub const fn title(&self) -> &Label {
        &self.title
    }

    /// Returns the price of one piece.
    #[must_use]
    pub const fn price(&self) -> Money {
        self.price
    }

    /// Returns the number of pieces.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Returns what all pieces cost.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`], which no price of a menu leads to.
    pub fn total(&self) -> Result<Money, AmountError> {
        let price = Amount::from(self.price);
        price.checked_mul(i64::from(self.count))?.try_into()
    }
}

/// Returns what all lines cost together.
pub(super) fn total(currency: Currency, lines: &[Line]) -> Result<Money, AmountError> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| {
        sum.checked_add(line.total()?)
    })
}
