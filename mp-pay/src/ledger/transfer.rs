use std::time::Duration;

use mp_core::{
    Document, Timestamp,
    amount::Money,
    id::{AppId, Name},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BookId, LedgerError, Leg, Move, TransferEvent, TransferStatus};

mp_core::id_type!(
    /// Names a transfer: derived from the call that made it, or chosen by the host.
    pub TransferId, "xf"
);

/// The most moves of one transfer.
pub const MOVES_MAX: usize = 32;

/// The most books that one transfer may touch beside its home.
pub const FAR_BOOKS_MAX: usize = mp_core::steps::STEPS_MAX;

/// The longest time for which a transfer may be pending.
pub const PENDING_MAX: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The longest time for which a transfer may be pending whose caller does not manage the ledger: what it holds
/// counts against the payee's bounds too, and only who manages the ledger can end it before. As long as a hold
/// on a card usually stands.
pub const PENDING_MAX_OF_USERS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One or more moves that happen all or not at all.
///
/// What was asked for never changes; only where it stands does, and what was done about it later.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Transfer {
    /// Its name.
    pub id: TransferId,
    /// The app whose accounts it moves between.
    pub app: AppId,
    /// The book that it stands in.
    pub home: BookId,
    /// The moves, in order.
    pub moves: Vec<Move>,
    /// For how long it may be pending, in seconds; one that is missing posts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_for_s: Option<u64>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Label>,
    /// The transfer that it gives back, wholly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<TransferId>,
    /// The transfer that it gives back a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<TransferId>,
    /// Where it stands.
    pub status: TransferStatus,
    /// From when on it can no longer be posted, if it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How much is posted of its only move, if that is not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted_part: Option<i64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The transfer that reverses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_by: Option<TransferId>,
    /// How much of its only move was given back, or is being given back.
    #[serde(default)]
    pub returned: i64,
    /// The feed that is [told](super::news) what becomes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Name>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came to stand where it does.
    pub changed_at: Timestamp,
}

impl Document for Transfer {
    const KIND: &'static str = "ledger_transfer";
    const FORMAT: u32 = 1;
}

impl Transfer {
    /// Returns a transfer as it is asked for: at once, and nothing was done about it yet.
    pub(super) const fn asked(
        id: TransferId,
        app: AppId,
        home: BookId,
        moves: Vec<Move>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            app,
            home,
            moves,
            pending_for_s: None,
            memo: None,
            reverses: None,
            returns: None,
            status: TransferStatus::Moving,
            expires_at: None,
            posted_part: None,
            refusal: None,
            reversed_by: None,
            returned: 0,
            feed: None,
            created_at: now,
            changed_at: now,
        }
    }

    /// Returns the transfer that moves back all that this one has posted.
    pub(super) fn reversing(&self, id: TransferId, now: Timestamp) -> Self {
        let posted = |it: &Move| self.posted_part.unwrap_or(it.amount.minor());
        let back = self.moves.iter().rev().map(|it| it.swapped(posted(it)));
        let asked = Self::asked(id, self.app.clone(), self.home.clone(), back.collect(), now);
        Self {
            reverses: Some(self.id),
            memo: self.memo.clone(),
            feed: self.feed.clone(),
            ..asked
        }
    }

    /// Returns a transfer that moves back a part of what this one has posted.
    pub(super) fn returning(&self, id: TransferId, part: i64, now: Timestamp) -> Self {
        let back = self.moves.iter().map(|it| it.swapped(part)).collect();
        let asked = Self::asked(id, self.app.clone(), self.home.clone(), back, now);
        Self {
            returns: Some(self.id),
            memo: self.memo.clone(),
            feed: self.feed.clone(),
            ..asked
        }
    }

    /// Returns whether its only move counts what the amount does.
    pub(super) fn counts(&self, amount: Money) -> bool {
        let only = self.moves.first().map(|only| only.amount.unit().clone());
        only == Some(amount.currency().into())
    }

    /// Returns why another book has refused, as payments call it.
    pub(super) fn refusal_code(&self) -> &str {
        match self.refusal.as_deref() {
            // What every settlement and every bank says of a payer who has too little.
            None | Some("balance_insufficient") => "insufficient_funds",
            Some(code) => code,
        }
    }

    /// Returns what the transfer does in a book; the other end of a move that goes elsewhere is the
    /// book's account in transit.
    #[must_use]
    pub fn legs_in(&self, book: &BookId) -> Vec<Leg> {
        let moves = (0_u32..).zip(&self.moves);
        moves
            .filter_map(|(number, each)| each.leg_in(number, book))
            .collect()
    }

    /// Returns the other books that it touches, in the order of its moves.
    #[must_use]
    pub fn far_books(&self) -> Vec<BookId> {
        let mut books: Vec<BookId> = Vec::new();
        for account in self.moves.iter().flat_map(|it| [&it.debit, &it.credit]) {
            if !account.is_in(&self.home) && !books.iter().any(|book| account.is_in(book)) {
                books.push(account.book());
            }
        }
        books
    }

    /// Returns whether it is to be held before it is posted.
    #[must_use]
    pub const fn is_two_phase(&self) -> bool {
        self.pending_for_s.is_some()
    }

    /// Returns how much of a leg is posted once the transfer is.
    #[must_use]
    pub fn posted_of(&self, leg: &Leg) -> i64 {
        self.posted_part.unwrap_or(leg.amount)
    }

    /// Returns how much was posted of its only move, or is being.
    #[must_use]
    pub fn posted_amount(&self) -> i64 {
        let first = self.moves.first().map_or(0, |first| first.amount.minor());
        self.posted_part.unwrap_or(first)
    }

    /// Returns whether both ask for the same.
    #[must_use]
    pub fn asks_as(&self, other: &Self) -> bool {
        self.moves == other.moves
            && self.pending_for_s == other.pending_for_s
            && self.memo == other.memo
            && (self.reverses, self.returns) == (other.reverses, other.returns)
    }

    /// Returns whether its time is over, whether or not anybody has noticed.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.lapses_at().is_some_and(|at| at <= now)
    }

    /// Returns when its time is over, if nothing has become of it by then.
    pub(super) fn lapses_at(&self) -> Option<Timestamp> {
        let waits = matches!(
            self.status,
            TransferStatus::Moving | TransferStatus::Pending
        );
        self.expires_at.filter(|_| waits)
    }

    /// Moves on.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnexpectedStatus`] if it does not from where it stands.
    pub fn step(&mut self, event: TransferEvent, now: Timestamp) -> Result<(), LedgerError> {
        let status = self.status;
        let refused = LedgerError::UnexpectedStatus { status, event };
        self.status = status.next(event).ok_or(refused)?;
        self.changed_at = now;
        Ok(())
    }
}
