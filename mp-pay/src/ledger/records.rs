//! Where a book's records stand in its partition, and how a desk is laid out from them.

use std::collections::BTreeSet;

use mp_core::{Command, Edits, Error, Family, Timestamp, id::AppId};

use super::{Account, AccountId, Book, BookId, Desk, LedgerError, Leg, Transfer, TransferId};

/// What the keys of accounts begin with.
pub(super) const ACCOUNTS: &str = "a/";

/// What the keys of transfers begin with.
pub(super) const TRANSFERS: &str = "x/";

/// How many entries share the beginning of their keys.
pub(super) const STRETCH: u64 = 100;

pub(super) fn account_key(id: &AccountId) -> String {
    format!("{ACCOUNTS}{}", id.name())
}

pub(super) fn entry_key(number: u64) -> String {
    format!("j/{number:012}")
}

/// Returns what the keys of the entries begin with that stand in one stretch with this one.
pub(super) fn stretch_prefix(number: u64) -> String {
    format!("j/{:010}", number / STRETCH)
}

pub(super) fn transfer_key(id: TransferId) -> String {
    format!("{TRANSFERS}{id}")
}

/// Returns the key of what a transfer that stands in another book holds.
pub(super) fn hold_key(id: TransferId) -> String {
    format!("h/{id}")
}

/// Addresses a book, with all its accounts.
pub(super) fn command(app: &AppId, book: &BookId) -> Result<Command, Error> {
    Ok(Command::on(book.partition(app)?).prefix(ACCOUNTS))
}

/// Returns the book that stands in a partition.
pub(super) fn book_in(family: &Family) -> Result<Option<Book>, Error> {
    let root = family.root::<Book>()?;
    Ok(root.map(|book| Book::clone(&book)))
}

pub(super) fn account_in(family: &Family, id: &AccountId) -> Result<Option<Account>, Error> {
    let account = family.get::<Account>(&account_key(id))?;
    Ok(account.map(|account| Account::clone(&account)))
}

pub(super) fn transfer_in(family: &Family, id: TransferId) -> Result<Option<Transfer>, Error> {
    let transfer = family.get::<Transfer>(&transfer_key(id))?;
    Ok(transfer.map(|transfer| Transfer::clone(&transfer)))
}

/// Returns whether a book was not read because it was [retired](super::ClosedSettlements).
pub(super) fn is_retired(error: &Error) -> bool {
    error.code() == "archived"
}

/// Lays out a book, which is opened if there is none, with the accounts that the legs touch.
pub(super) fn desk(
    family: &Family,
    app: &AppId,
    book: &BookId,
    legs: &[Leg],
    now: Timestamp,
) -> Result<Desk, LedgerError> {
    let head = book_in(family)?.unwrap_or_else(|| Book::new(app.clone(), book.clone(), now));
    let touched: BTreeSet<&AccountId> = legs
        .iter()
        .flat_map(|leg| [&leg.debit, &leg.credit])
        .collect();
    let mut accounts = Vec::with_capacity(touched.len());
    for id in touched {
        accounts.extend(account_in(family, id)?);
    }
    Ok(Desk::new(head, accounts))
}

/// Writes what has changed on a desk.
pub(super) fn save(desk: &mut Desk, edits: &mut Edits) {
    edits.put_root(desk.book().clone());
    for account in desk.changed() {
        edits.put(&account_key(&account.id), account.clone());
    }
    for entry in desk.take_entries() {
        let key = entry_key(entry.number);
        edits.declare_new(&key);
        edits.put(&key, entry);
    }
}
