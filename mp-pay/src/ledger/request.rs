use mp_core::{
    Timestamp,
    amount::{Amount, Unit},
    id::UserId,
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, BookId, Move, Side, TransferId};

/// Asks for an account to be opened; its book is opened with its first account.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// Its name.
    pub account: AccountId,
    /// What it counts: a currency, or a unit of this app's own.
    pub unit: Unit,
    /// On which side its balance grows.
    pub side: Side,
    /// Whose it is; the app's own if nobody's.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// What its balance never falls below, in minor units; no limit if none.
    #[serde(default)]
    pub least: Option<i64>,
    /// What its balance never rises above, in minor units; no limit if none.
    #[serde(default)]
    pub most: Option<i64>,
}

impl OpenAccount {
    /// Asks for what is somebody's to spend: it grows with credits and never falls below zero.
    #[must_use]
    pub const fn wallet(account: AccountId, unit: Unit, owner: UserId) -> Self {
        Self {
            account,
            unit,
            side: Side::Credit,
            owner: Some(owner),
            least: Some(0),
            most: None,
        }
    }

    /// Asks for an account of the app's own without bounds.
    #[must_use]
    pub const fn own(account: AccountId, unit: Unit, side: Side) -> Self {
        Self {
            account,
            unit,
            side,
            owner: None,
            least: None,
            most: None,
        }
    }
}

/// Asks for one or more moves, all or none of them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {
    /// The moves, 1 to [`MOVES_MAX`](super::MOVES_MAX); the transfer stands in the book of the
    /// first one's debit.
    pub moves: Vec<Move>,
    /// Holds the amounts for so many seconds instead of moving them at once: at most
    /// [`PENDING_MAX_OF_USERS`](super::PENDING_MAX_OF_USERS), seven days, or, for who manages the ledger,
    /// [`PENDING_MAX`](super::PENDING_MAX), 400 days.
    #[serde(default)]
    pub pending_for_s: Option<u64>,
    /// What it is for.
    #[serde(default)]
    pub memo: Option<Label>,
}

impl NewTransfer {
    /// Asks for one move.
    #[must_use]
    pub fn of(debit: AccountId, credit: AccountId, amount: impl Into<Amount>) -> Self {
        Self::linked([Move {
            debit,
            credit,
            amount: amount.into(),
        }])
    }

    /// Asks for several moves, all or none.
    ///
    /// Within one book they are made one after the other, and value may pass through an account that
    /// has too little by itself: what one move puts in, the next may take out. Over several books, or
    /// [pending](Self::pending_for_s), all of them are held first, and what is to come in does not count
    /// towards what an account has to give before it is posted.
    #[must_use]
    pub fn linked(moves: impl IntoIterator<Item = Move>) -> Self {
        Self {
            moves: moves.into_iter().collect(),
            pending_for_s: None,
            memo: None,
        }
    }

    /// Holds the amounts for so many seconds instead of moving them at once.
    #[must_use]
    pub const fn pending_for_s(mut self, seconds: u64) -> Self {
        self.pending_for_s = Some(seconds);
        self
    }

    /// Says what it is for.
    #[must_use]
    pub fn with_memo(mut self, memo: Label) -> Self {
        self.memo = Some(memo);
        self
    }
}

/// Names a transfer.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedTransfer {
    /// The book that it stands in, its [`home`](super::Transfer::home).
    pub book: BookId,
    /// Which.
    pub transfer: TransferId,
}

/// Asks for what is pending to be posted.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PostTransfer {
    /// The book that it stands in, its [`home`](super::Transfer::home).
    pub book: BookId,
    /// Which.
    pub transfer: TransferId,
    /// How much of its only move, in minor units, if not all; the rest is let go of.
    #[serde(default)]
    pub amount: Option<i64>,
}

/// Names an account.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedAccount {
    /// Which.
    pub account: AccountId,
}

/// Asks for a page of an account's statement.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReadStatement {
    /// Which account.
    pub account: AccountId,
    /// The number of the entry after which the page begins.
    #[serde(default)]
    pub after: u64,
}

/// Asks for a balance as it was.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceAt {
    /// Which account.
    pub account: AccountId,
    /// When: what was posted at this moment counts.
    pub at: Timestamp,
}

/// Names a book.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedBook {
    /// Which.
    pub book: BookId,
}
