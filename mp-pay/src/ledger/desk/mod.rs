//! The pure machine that makes entries.

mod bounds;
mod occasion;
mod writing;

use std::collections::BTreeMap;

pub use self::occasion::Occasion;
use super::{ACCOUNTS_MAX, Account, AccountId, Act, Balance, Book, Entry, LedgerError, Leg};

/// The accounts of one book at work: the pure machine that makes entries.
///
/// It knows no store and no clock. What it was asked for happens all or not at all.
#[derive(Clone, Debug)]
pub struct Desk {
    book: Book,
    accounts: BTreeMap<AccountId, Account>,
    /// As they were, those that were changed: the last one first.
    changed: Vec<(AccountId, Option<Before>)>,
    entries: Vec<Entry>,
}

/// What changes in an account.
type Before = (Balance, u64);

impl Desk {
    /// Opens the desk of a book, with the accounts that will be needed.
    #[must_use]
    pub fn new(book: Book, accounts: impl IntoIterator<Item = Account>) -> Self {
        let by_id = accounts.into_iter().map(|each| (each.id.clone(), each));
        Self {
            book,
            accounts: by_id.collect(),
            changed: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Returns the book.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Returns the accounts by their names.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// Returns an account.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// Returns the entries that were made since they were last taken.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes the entries that were made, as if they had been stored.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        self.changed.clear();
        std::mem::take(&mut self.entries)
    }

    /// Adds an account.
    ///
    /// # Errors
    ///
    /// [`LedgerError::TooManyAccounts`].
    pub fn open(&mut self, account: Account) -> Result<(), LedgerError> {
        if self.book.accounts >= ACCOUNTS_MAX {
            return Err(LedgerError::TooManyAccounts);
        }
        self.book.accounts += 1;
        self.changed.push((account.id.clone(), None));
        self.accounts.insert(account.id.clone(), account);
        Ok(())
    }

    /// Moves for good.
    ///
    /// # Errors
    ///
    /// The first leg's that fails; nothing has changed then.
    pub fn post(&mut self, legs: &[Leg], occasion: &Occasion) -> Result<(), LedgerError> {
        self.write(legs, occasion, Act::Posted, |leg| (leg.amount, 0))
    }

    /// Holds.
    ///
    /// # Errors
    ///
    /// The first leg's that fails; nothing has changed then.
    pub fn hold(&mut self, legs: &[Leg], occasion: &Occasion) -> Result<(), LedgerError> {
        self.write(legs, occasion, Act::Pending, |leg| (leg.amount, 0))
    }

    /// Posts what is held, the part that `posted` says, and lets go of the rest.
    ///
    /// # Errors
    ///
    /// None in fact for what is held: what it needs was kept free.
    pub fn keep(
        &mut self,
        legs: &[Leg],
        occasion: &Occasion,
        posted: impl Fn(&Leg) -> i64,
    ) -> Result<(), LedgerError> {
        let amounts = |leg: &Leg| (posted(leg).clamp(0, leg.amount), leg.amount);
        self.write(legs, occasion, Act::PostedPending, amounts)
    }

    /// Lets go of what is held, by an act that does so.
    ///
    /// # Errors
    ///
    /// None in fact for what is held.
    pub fn let_go(
        &mut self,
        legs: &[Leg],
        occasion: &Occasion,
        act: Act,
    ) -> Result<(), LedgerError> {
        self.write(legs, occasion, act, |leg| (0, leg.amount))
    }

    /// Moves back what was kept, whatever the accounts' bounds say.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Overflow`].
    pub fn undo(
        &mut self,
        legs: &[Leg],
        occasion: &Occasion,
        posted: impl Fn(&Leg) -> i64,
    ) -> Result<(), LedgerError> {
        let back = legs.iter().map(|leg| Leg {
            debit: leg.credit.clone(),
            credit: leg.debit.clone(),
            amount: posted(leg),
            ..leg.clone()
        });
        let back: Vec<Leg> = back.collect();
        self.write(&back, occasion, Act::Undone, |leg| (leg.amount, 0))
    }

    /// Returns the accounts that are not as they were stored.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Account> {
        let mut ids: Vec<&AccountId> = self.changed.iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.accounts.get(id))
    }
}
