use mp_core::{
    Document, Error, ErrorKind,
    id::{AppId, Name, UserId},
    store::Partition,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Line;

/// The most lines of a basket.
pub const LINES_MAX: usize = 50;

/// What a user has gathered and not ordered yet: lines of one shop, one per item.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Basket {
    app: AppId,
    owner: UserId,
    shop: Option<Name>,
    lines: Vec<Line>,
}

impl Document for Basket {
    const KIND: &'static str = "basket";
    const FORMAT: u32 = 1;
}

impl Basket {
    /// Creates an empty basket.
    pub(super) const fn new(app: AppId, owner: UserId) -> Self {
        Self {
            app,
            owner,
            shop: None,
            lines: Vec::new(),
        }
    }

    pub(super) fn partition(app: &AppId, owner: &UserId) -> Result<Partition, Error> {
        Partition::new(app, "basket", owner.as_str())
    }

    /// Returns the shop that the lines are from.
    #[must_use]
    pub const fn shop(&self) -> Option<&Name> {
        self.shop.as_ref()
    }

    /// Returns the lines, in the order in which they were added.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Adds a line, or to the line of the same item.
    ///
    /// # Errors
    ///
    /// `other_shop` if there are lines of another shop, `basket_full` beyond [`LINES_MAX`] lines,
    /// `invalid_field` beyond [`COUNT_MAX`](super::COUNT_MAX) pieces.
    pub(super) fn add(mut self, shop: &Name, line: Line) -> Result<Self, Error> {
        if self.shop.as_ref().is_some_and(|present| present != shop) {
            return Err(
                refused("other_shop", "order what is in the basket first").with_field("shop")
            );
        }
        let same = |kept: &&mut Line| kept.item() == line.item();
        if let Some(kept) = self.lines.iter_mut().find(same) {
            *kept = kept.and(&line)?;
        } else if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        } else {
            return Err(refused("basket_full", "the basket takes no more lines"));
        }
        self.shop = Some(shop.clone());
        Ok(self)
    }

    /// Takes everything out.
    ///
    /// # Errors
    ///
    /// `basket_empty` if there is nothing.
    pub(super) fn take(&mut self) -> Result<(Name, Vec<Line>), Error> {
        let lines = std::mem::take(&mut self.lines);
        match self.shop.take() {
            Some(shop) if !lines.is_empty() => Ok((shop, lines)),
            _ => Err(empty()),
        }
    }
}

/// The error of ordering nothing.
pub(super) fn empty() -> Error {
    refused("basket_empty", "put something into the basket first")
}

fn refused(code: &'static str, message: &'static str) -> Error {
    Error::new(ErrorKind::Refused, code, message)
}
