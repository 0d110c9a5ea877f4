use mp_core::{
    Error, ErrorKind,
    amount::{Amount, Unit},
};

use super::{
    ACCOUNTS_MAX, AccountId, LOOK_BACK_MAX, SUM_MAX, Side, TransferEvent, TransferId,
    TransferStatus,
};

/// Why the ledger did not do what it was asked. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The shared mechanisms refused or failed: bad input, missing rights, the store.
    #[error(transparent)]
    Core(#[from] Error),
    /// An account has less than is to be taken from it.
    #[error("move {of_move}: {}", too_little(.account, .available.as_ref(), .asked))]
    Short {
        /// Which move failed first, from 0.
        of_move: u32,
        /// The account.
        account: AccountId,
        /// What can be taken from it; none for whoever may not read the account.
        available: Option<Amount>,
        /// What was asked for.
        asked: Amount,
    },
    /// An account may not hold as much as is to be put into it.
    #[error("move {of_move}: {}", too_full(.account, .room.as_ref(), .asked))]
    Full {
        /// Which move failed first, from 0.
        of_move: u32,
        /// The account.
        account: AccountId,
        /// What it can take in; none for whoever may not read the account.
        room: Option<Amount>,
        /// What was asked for.
        asked: Amount,
    },
    /// There is no such account.
    #[error("move {of_move}: {account} names no account")]
    NoAccount {
        /// Which move failed first, from 0.
        of_move: u32,
        /// Whether it was to be debited or credited.
        on: Side,
        /// What was named.
        account: AccountId,
    },
    /// An account counts something else.
    #[error("move {of_move}: {account} counts {counts} and not {asked}")]
    UnitMismatch {
        /// Which move failed first, from 0.
        of_move: u32,
        /// The account.
        account: AccountId,
        /// What it counts.
        counts: Unit,
        /// What was to be moved.
        asked: Unit,
    },
    /// One of an account's sums would be more than [`SUM_MAX`].
    #[error("move {of_move}: {account} would count beyond {SUM_MAX}: open another account")]
    Overflow {
        /// Which move failed first, from 0.
        of_move: u32,
        /// The account.
        account: AccountId,
    },
    /// The transfer is in a status that does not allow this.
    #[error("a transfer that is {status} does not {event}: read it again")]
    UnexpectedStatus {
        /// Where the transfer stands.
        status: TransferStatus,
        /// What was asked of it.
        event: TransferEvent,
    },
    /// It has moved nothing that could be given back.
    #[error("a transfer that is {status} has moved nothing to give back")]
    NotPosted {
        /// Where the transfer stands.
        status: TransferStatus,
    },
    /// It was reversed or given back from before.
    #[error("the transfer was given back before: read it again")]
    AlreadyReversed {
        /// By which, if by one alone.
        by: Option<TransferId>,
    },
    /// More was asked for than is left of the transfer.
    #[error("{asked} is more than the {left} that are left")]
    AmountTooLarge {
        /// What was asked for, in minor units.
        asked: i64,
        /// What is left, in minor units.
        left: i64,
    },
    /// The book has as many accounts as it may have.
    #[error("the book has {ACCOUNTS_MAX} accounts already, which is the most")]
    TooManyAccounts,
    /// The entries that this needs were closed and moved out.
    #[error("this lies before entry {closed}, up to which the book is closed: ask the archive")]
    Closed {
        /// The number of the last entry that was moved out.
        closed: u64,
    },
    /// An account had not changed for so long that its balance is not looked for.
    #[error(
        "{account} does not occur in the {LOOK_BACK_MAX} entries up to {by}: read its statement from further back"
    )]
    TooFarBack {
        /// The account.
        account: AccountId,
        /// The number of the last entry that was made by then.
        by: u64,
    },
}

impl LedgerError {
    /// Returns the machine-readable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Core(core) => core.code(),
            Self::Short { .. } => "balance_insufficient",
            Self::Full { .. } => "balance_limit",
            Self::NoAccount { .. } => "not_found",
            Self::UnitMismatch { .. } => "unit_mismatch",
            Self::Overflow { .. } => "balance_overflow",
            Self::UnexpectedStatus { .. } => "transfer_unexpected_status",
            Self::NotPosted { .. } => "not_posted",
            Self::AlreadyReversed { .. } => "already_reversed",
            Self::AmountTooLarge { .. } => "amount_too_large",
            Self::TooManyAccounts => "too_many",
            Self::Closed { .. } => "closed",
            Self::TooFarBack { .. } => "too_far_back",
        }
    }

    /// Returns what kind of error it is, which says what its caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Core(core) => core.kind(),
            Self::NoAccount { .. } => ErrorKind::NotFound,
            Self::UnitMismatch { .. } => ErrorKind::Invalid,
            _ => ErrorKind::Refused,
        }
    }
}

fn too_little(account: &AccountId, available: Option<&Amount>, asked: &Amount) -> String {
    match available {
        Some(available) => format!("{account} has {available} to give and {asked} are needed"),
        None => format!("{account} has less than {asked} to give"),
    }
}

fn too_full(account: &AccountId, room: Option<&Amount>, asked: &Amount) -> String {
    match room {
        Some(room) => format!("{account} has room for {room} and {asked} are to go in"),
        None => format!("{account} has no room for {asked}"),
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        let made = Self::new(error.kind(), error.code(), error.to_string());
        match &error {
            LedgerError::Core(core) => core.clone(),
            LedgerError::NoAccount { of_move, on, .. } => {
                let end = match on {
                    Side::Debit => "debit",
                    Side::Credit => "credit",
                };
                made.with_field(format!("moves[{of_move}].{end}"))
            }
            LedgerError::UnitMismatch { of_move, .. } => {
                made.with_field(format!("moves[{of_move}].amount"))
            }
            LedgerError::AmountTooLarge { .. } => made.with_field("amount"),
            _ => made,
        }
    }
}
