//! Double entry: accounts, and transfers between them that are immutable and happen once.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Caller, Engine, Scope, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_core::amount::{Currency, Money};
//! use mp_pay::ledger::{Ledger, NewTransfer, OpenAccount, Side};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! let ledger = Ledger::new(&engine);
//! let office = Caller::app("market".parse()?).with_scope(Scope::STAFF);
//! let mei = Caller::user("market".parse()?, "mei".parse()?);
//!
//! let wallet = OpenAccount::wallet("mei/wallet".parse()?, Currency::EUR.into(), "mei".parse()?);
//! let bank = OpenAccount::own("house/bank".parse()?, Currency::EUR.into(), Side::Debit);
//! let sales = OpenAccount::own("stall-17/sales".parse()?, Currency::EUR.into(), Side::Credit);
//! for account in [&wallet, &bank, &sales] {
//!     ledger.open(&office, account.clone()).await?;
//! }
//! let top_up = NewTransfer::of(bank.account, wallet.account.clone(), Money::new(20_00, Currency::EUR));
//! ledger.transfer(&office, Ledger::id_of(&office, &"top-up-1".parse()?), top_up).await?;
//! let noodles = NewTransfer::of(wallet.account.clone(), sales.account, Money::new(12_50, Currency::EUR));
//! ledger.transfer(&mei, Ledger::id_of(&mei, &"order-17".parse()?), noodles).await?;
//!
//! assert_eq!(ledger.account(&mei, &wallet.account).await?.posted(), 7_50);
//! assert!(ledger.trial_balance(&office, &"mei".parse()?).await?.is_balanced());
//! assert_eq!(ledger.verify(&office, &"mei".parse()?).await?.broken, None);
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - An [`Account`] counts one unit and grows on one [`Side`]; bounds say how far it may fall and
//!   rise. Accounts that are kept together stand in one [`Book`], which is one partition,
//!   `{app}/acct/{book}`: the unit of atomicity. A hot book is decided in memory and committed in
//!   batches, and no other book waits for it.
//! - A [`Transfer`] is one [`Move`] or several that happen all or not at all. With a time limit it
//!   has two phases: pending, then posted (whole, or in part), voided or expired.
//! - An [`Entry`] is a line of a book's journal. It debits and credits the same amount in the same
//!   book, and is chained to the entry before.
//! - What goes from one book to another passes through the books' accounts *in transit*: on one side
//!   `mei/wallet` to `mei/in-transit:EUR`, on the other `stall-17/in-transit:EUR` to
//!   `stall-17/sales`. The transfer stands in its *home*, the book of its first debit, as a plan of
//!   [`steps`](mp_core::steps) over the others: all hold, then all post.
//! - [`Ledger`] is the service; [`Desk`] is the pure machine inside.
//! - [`LedgerBackend`] pays intents from stored value, with [`Payments`](crate::Payments) in front of
//!   it; [`LedgerSettlement`] secures stored value for other capabilities without intents.
//! - [`news`] is what a [feed](mp_core::feed) is told of transfers, for the host's own tables.
//!
//! # What is promised
//!
//! These are the invariants that TigerBeetle states of its ledger
//! ([its documentation](https://docs.tigerbeetle.com)), and ours. Each is a test of the same name.
//!
//! 1. `accounts_and_transfers_are_immutable`: what was asked for never changes; corrections are
//!    transfers of their own.
//! 2. `an_id_is_good_for_one_transfer`, within its home and until that is closed: the same id with the
//!    same content is answered the same, with other content refused.
//! 3. `debits_and_credits_come_to_the_same`: in every book and unit, posted and pending, after every
//!    commit; over all books nothing is in transit once due work is done.
//! 4. `a_pending_transfer_is_resolved_at_most_once`: posted, voided or expired.
//! 5. `time_is_decided_by_the_clock_and_work_only_tidies`: a time limit is a span, never a client's
//!    timestamp; whoever comes too late is refused, whether or not the work has run.
//! 6. `what_is_pending_is_reserved`: posting and voiding never break a bound.
//! 7. `linked_moves_happen_all_or_none`: and the first that fails is named.
//! 8. `an_expired_transfer_is_neither_posted_nor_voided`.
//! 9. `what_is_pending_is_let_go_never_early`: possibly late.
//! 10. `part_is_posted_and_the_rest_restored`.
//! 11. `a_reversal_names_what_it_reverses_and_happens_once`.
//! 12. `nothing_overflows`: a sum beyond [`SUM_MAX`] is refused.
//! 13. `a_changed_entry_is_named`, and `a_changed_closing_is_named`: [`Ledger::verify`] finds the first.
//! 14. `closing_keeps_chain_and_balances`: [`Ledger::close`] moves old entries to an archive.
//!
//! # Costs and limits
//!
//! A transfer inside one book is one commit; one between two books is five, three of them in its
//! home. A book has at most [`ACCOUNTS_MAX`] accounts, a transfer at most [`MOVES_MAX`] moves in
//! [`FAR_BOOKS_MAX`] books beside its home. What was undone because another book failed after it had
//! agreed may take an account below its bound; a hold does not lapse by itself, so that only an
//! operator's hand brings that about.
//!
//! The journal names books and accounts and is kept for ever: put no personal data into their names
//! or into memos. Whose an account is stands in its record, outside of the chain.

mod account;
mod asked;
mod authority;
mod backend;
mod balance;
mod begin;
mod book;
mod closed;
mod closing;
mod desk;
mod ends;
mod entry;
mod error;
mod expiry;
mod far;
mod forgetting;
mod hold;
mod home;
#[expect(clippy::module_inception, reason = "the service is the noun")]
mod ledger;
mod leg;
mod moving;
mod name;
pub mod news;
mod opening;
mod operations;
mod plan_id;
mod records;
mod request;
mod resolving;
mod retention;
mod settlement;
mod statement;
mod status;
mod stretch;
mod transfer;
mod trial;
mod verify;

pub use self::{
    account::{ACCOUNTS_MAX, Account},
    backend::{LedgerBackend, STORED_VALUE},
    balance::{Balance, Effect, SUM_MAX, Side},
    book::Book,
    closed::{ClosedBalance, Closing, Seal},
    desk::{Desk, Occasion},
    entry::{Act, ChainHash, Entry, ParseChainHashError},
    error::LedgerError,
    hold::{Hold, HoldEvent, HoldState, HoldStep},
    ledger::{LEDGER_MANAGE, LEDGER_READ, LEDGER_WRITE, Ledger},
    leg::{Leg, Move},
    moving::MOVING_MAX,
    name::{AccountId, BookId, ParseAccountError},
    request::{
        BalanceAt, NamedAccount, NamedBook, NamedTransfer, NewTransfer, OpenAccount, PostTransfer,
        ReadStatement,
    },
    retention::ClosedSettlements,
    settlement::{FixedAccounts, LedgerSettlement, SETTLEMENT_HOLD, SettlementAccounts},
    statement::{LOOK_BACK_MAX, PAGE_ENTRIES_MAX, Statement, StatementLine},
    status::{TransferEvent, TransferStatus},
    transfer::{FAR_BOOKS_MAX, MOVES_MAX, PENDING_MAX, PENDING_MAX_OF_USERS, Transfer, TransferId},
    trial::{TrialBalance, TrialRow, UnitTotal},
    verify::{Broken, Problem, Verified},
};

/// What stands in stores, for the fixtures.
#[cfg(test)]
pub(crate) mod kept {
    pub(crate) use super::{
        backend::Order,
        expiry::ExpiryDue,
        forgetting::ForgetDue,
        home::HomeBook,
        settlement::{FactDue, Fence},
    };
}
