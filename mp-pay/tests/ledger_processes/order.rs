use mp_core::{Error, ErrorKind, amount::Amount};
use mp_pay::ledger::{
    BookId, Ledger, LedgerError, NamedTransfer, NewTransfer, PostTransfer, Transfer, TransferId,
};

use crate::{
    dice::Dice,
    parent::PROCESSES,
    town::{UNITS, book, books, office, source, unit, wallet},
};

/// How far back the transfers lie that are posted, voided or reversed.
const BACK_MAX: u64 = 40;

/// The longest time that a transfer is pending, in seconds.
const PENDING_MAX: u64 = 3;

/// What the command of one number asks for: the same whichever process gives it, and however often.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Transfer(Box<NewTransfer>),
    Post { of: u64, part: Option<i64> },
    Void { of: u64 },
    Reverse { of: u64 },
}

impl Order {
    pub(crate) fn of(number: u64) -> Self {
        let dice = Dice::new(number);
        let kind = dice.below(20);
        let back = number.checked_sub(PROCESSES * (1 + dice.below(BACK_MAX)));
        match (kind, back) {
            (12..16, Some(of)) => {
                let part = (dice.below(2) == 0).then(|| dice.amount());
                Self::Post { of, part }
            }
            (16..18, Some(of)) => Self::Void { of },
            (18.., Some(of)) => Self::Reverse { of },
            _ => Self::Transfer(Box::new(transfer(&dice))),
        }
    }

    /// Returns the id of the transfer that the command makes, if it makes one.
    pub(crate) fn id(&self, number: u64) -> Option<TransferId> {
        matches!(self, Self::Transfer(_) | Self::Reverse { .. }).then(|| id(number))
    }

    /// Returns the book that what the command makes or moves on stands in.
    pub(crate) fn home(&self) -> BookId {
        match self {
            Self::Transfer(request) => request.moves[0].debit.book(),
            Self::Post { of, .. } | Self::Void { of } | Self::Reverse { of } => match Self::of(*of)
            {
                Self::Transfer(request) => request.moves[0].debit.book(),
                // What is not a transfer is not found there.
                _ => book(0),
            },
        }
    }

    /// Gives the command until it is decided.
    pub(crate) async fn give(&self, ledger: &Ledger, number: u64) -> Result<Transfer, LedgerError> {
        loop {
            match self.give_once(ledger, number).await {
                Err(LedgerError::Core(error)) if is_transient(&error) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn give_once(&self, ledger: &Ledger, number: u64) -> Result<Transfer, LedgerError> {
        let (office, book) = (office(), self.home());
        match self {
            Self::Transfer(request) => {
                let request = NewTransfer::clone(request);
                ledger.transfer(&office, id(number), request).await
            }
            Self::Post { of, part } => {
                let post = PostTransfer {
                    book,
                    transfer: id(*of),
                    amount: *part,
                };
                ledger.post(&office, post).await
            }
            Self::Void { of } => ledger.void(&office, named(book, *of)).await,
            Self::Reverse { of } => ledger.reverse(&office, id(number), named(book, *of)).await,
        }
    }
}

/// Moves something within a book, or to another; some of it is only held.
fn transfer(dice: &Dice) -> NewTransfer {
    let (from, each) = (dice.below(books()), dice.index(UNITS.len()));
    let to = match dice.below(10) {
        0..8 => source(from, each),
        _ => wallet((from + 1 + dice.below(books() - 1)) % books(), each),
    };
    let amount = Amount::new(dice.amount(), unit(each));
    let request = match dice.below(4) {
        // Something comes in, so that wallets do not run dry.
        0 => NewTransfer::of(source(from, each), wallet(from, each), amount),
        _ => NewTransfer::of(wallet(from, each), to, amount),
    };
    match dice.below(3) {
        0 => request.pending_for_s(1 + dice.below(PENDING_MAX)),
        _ => request,
    }
}

pub(crate) fn id(number: u64) -> TransferId {
    TransferId::derived(&["command", &number.to_string()])
}

fn named(book: BookId, of: u64) -> NamedTransfer {
    NamedTransfer {
        book,
        transfer: id(of),
    }
}

fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unknown)
}
