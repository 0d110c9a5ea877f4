//! What a [feed](mp_core::feed) is told of the ledger: each transfer that posts, is voided, expires
//! or is reversed, once, in the commit that decides it.
//!
//! Postings add up: every change of a posted balance is of one [`Posted`]. What is only held moves
//! nothing and is not told, nor is what another book refuses. That a transfer has expired is told
//! when that is written down: by the work that tidies it up, or by whoever a settlement has to tell it
//! first.

use mp_core::{Edits, Error, Family, Timestamp, feed::Feed, feed::News, label::Label};
use serde::{Deserialize, Serialize};

use super::{BookId, Move, Transfer, TransferId, TransferStatus, records::transfer_in};

/// The topic of [`Posted`].
pub const POSTED: &str = "ledger.posted";

/// The topic of a transfer that was given up, with an [`Ended`].
pub const VOIDED: &str = "ledger.voided";

/// The topic of a transfer whose time was over, with an [`Ended`].
pub const EXPIRED: &str = "ledger.expired";

/// The topic of [`Reversed`].
pub const REVERSED: &str = "ledger.reversed";

/// A transfer has moved.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Posted {
    /// Which.
    pub transfer: TransferId,
    /// The book that it stands in.
    pub book: BookId,
    /// What it has moved: of one that was posted in part, that part.
    pub moves: Vec<Move>,
    /// The transfer that it gives back, wholly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<TransferId>,
    /// The transfer that it gives back a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<TransferId>,
    /// What it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Label>,
}

/// A transfer that was pending has ended, and moved nothing.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ended {
    /// Which.
    pub transfer: TransferId,
    /// The book that it stands in.
    pub book: BookId,
}

/// A transfer was given back wholly; what did so is told as [`Posted`] beside it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reversed {
    /// Which.
    pub transfer: TransferId,
    /// The book that it stands in.
    pub book: BookId,
    /// The transfer that gave it back.
    pub by: TransferId,
}

/// Tells the feed that a transfer names what a decision makes of it, if that is news.
pub(super) fn tell(
    family: &Family,
    transfer: &Transfer,
    now: Timestamp,
    edits: &mut Edits,
) -> Result<(), Error> {
    let Some(feed) = transfer.feed.clone() else {
        return Ok(());
    };
    let before = transfer_in(family, transfer.id)?.map(|before| before.status);
    if before == Some(transfer.status) {
        return Ok(());
    }
    Feed::new(feed).emit(family, now, of(transfer)?, edits)
}

/// Returns what there is to tell of a transfer that has come to stand where it does.
fn of(transfer: &Transfer) -> Result<Vec<News>, Error> {
    let ended = Ended {
        transfer: transfer.id,
        book: transfer.home.clone(),
    };
    Ok(match transfer.status {
        TransferStatus::Posted => {
            let mut news = vec![News::new(POSTED, &posted(transfer))?];
            if let Some(reversed) = reversed(transfer) {
                news.push(News::new(REVERSED, &reversed)?);
            }
            news
        }
        TransferStatus::Voided => vec![News::new(VOIDED, &ended)?],
        TransferStatus::Expired => vec![News::new(EXPIRED, &ended)?],
        _ => Vec::new(),
    })
}

fn posted(transfer: &Transfer) -> Posted {
    let part = |it: &Move| it.of_amount(transfer.posted_part.unwrap_or(it.amount.minor()));
    Posted {
        transfer: transfer.id,
        book: transfer.home.clone(),
        moves: transfer.moves.iter().map(part).collect(),
        reverses: transfer.reverses,
        returns: transfer.returns,
        memo: transfer.memo.clone(),
    }
}

fn reversed(transfer: &Transfer) -> Option<Reversed> {
    Some(Reversed {
        transfer: transfer.reverses?,
        book: transfer.home.clone(),
        by: transfer.id,
    })
}
