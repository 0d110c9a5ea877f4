use mp_core::{Caller, Error, Family, Timestamp, amount::Amount, id::AppId, label::Label};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, Act, BalanceAt, Book, BookId, Closing, Effect, Entry, Ledger, LedgerError,
    ReadStatement, Side, TransferId,
    closed::CLOSING,
    ledger::owns,
    records::{STRETCH, account_in, book_in, command, entry_key, stretch_prefix},
};

/// The most entries of a book that one page of a statement looks through.
pub const PAGE_ENTRIES_MAX: u64 = 1_000;

/// The most entries of a book that [`Ledger::balance_at`] looks back through for the last one about an
/// account.
pub const LOOK_BACK_MAX: u64 = 10_000;

/// A page of an account's journal, with the balance after each line.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Statement {
    /// Whose page it is.
    pub account: AccountId,
    /// The posted balance before the first line, or the present one if there is no line.
    pub opening: Amount,
    /// What was done, in order.
    pub lines: Vec<StatementLine>,
    /// The posted balance after the last line.
    pub closing: Amount,
    /// Where the next page begins; none after the last.
    pub next: Option<u64>,
}

/// One line of a statement.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatementLine {
    /// The number of the entry within the book.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub act: Act,
    /// For which transfer.
    pub transfer: TransferId,
    /// The account at the other end, as far as it stands in this book.
    pub other: AccountId,
    /// What changed in the posted balance, in minor units.
    pub change: i64,
    /// What changed in what is pending, in minor units.
    pub pending: i64,
    /// The posted balance afterwards, in minor units.
    pub balance: i64,
    /// What it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Label>,
}

impl Ledger {
    /// Returns a page of an account's statement.
    ///
    /// # Errors
    ///
    /// `not_found` for an account that is not there or not the caller's,
    /// [`LedgerError::Closed`] for entries that were moved out, the store's errors.
    pub async fn statement(
        &self,
        caller: &Caller,
        request: ReadStatement,
    ) -> Result<Statement, LedgerError> {
        let app = caller.app_id();
        let (book, account) = self.opened(caller, &request.account).await?;
        if request.after < book.closed {
            return Err(LedgerError::Closed {
                closed: book.closed,
            });
        }
        let last = request
            .after
            .saturating_add(PAGE_ENTRIES_MAX)
            .min(book.entries);
        let mut lines = Vec::new();
        let mut number = request.after.saturating_add(1);
        while number <= last {
            let stretch = self.stretch(app, &book.id, number).await?;
            let end = last.min((number / STRETCH + 1) * STRETCH - 1);
            for number in number..=end {
                let entry = entry_in(&stretch, number)?;
                lines.extend(line_of(&account, &entry));
            }
            number = end + 1;
        }
        let (opening, closing) = match (lines.first(), lines.last()) {
            (Some(first), Some(last)) => (first.balance - first.change, last.balance),
            _ => (account.posted(), account.posted()),
        };
        Ok(Statement {
            opening: Amount::new(opening, account.unit.clone()),
            closing: Amount::new(closing, account.unit.clone()),
            account: account.id,
            lines,
            next: (last < book.entries).then_some(last),
        })
    }

    /// Returns an account's posted balance as it was at a moment.
    ///
    /// # Errors
    ///
    /// As [`statement`](Self::statement); [`LedgerError::TooFarBack`] if the account had not changed by
    /// then for [`LOOK_BACK_MAX`] entries of its book, and has since.
    pub async fn balance_at(
        &self,
        caller: &Caller,
        request: BalanceAt,
    ) -> Result<Amount, LedgerError> {
        let (book, account) = self.opened(caller, &request.account).await?;
        let number = self.last_by(&book, request.at).await?;
        if number > book.closed && number >= account.last_entry {
            return Ok(Amount::new(account.posted(), account.unit));
        }
        let posted = match self.last_balance(&book, &account, number).await? {
            Some(posted) => posted,
            None => self.closed_balance(&book, &account, request.at).await?,
        };
        Ok(Amount::new(posted, account.unit))
    }

    /// Returns an account's posted balance after the entry of this number; `None` if none that is there
    /// tells.
    async fn last_balance(
        &self,
        book: &Book,
        account: &Account,
        by: u64,
    ) -> Result<Option<i64>, LedgerError> {
        let before = by.saturating_sub(LOOK_BACK_MAX).max(book.closed);
        let mut number = by;
        while number > before {
            let stretch = self.stretch(&book.app, &book.id, number).await?;
            let start = (number / STRETCH * STRETCH).max(before + 1);
            for number in (start..=number).rev() {
                let entry = entry_in(&stretch, number)?;
                if let Some(line) = line_of(account, &entry) {
                    return Ok(Some(line.balance));
                }
                // Nothing that is older is about the account.
                if entry.at < account.opened_at {
                    return Ok(Some(0));
                }
            }
            number = start - 1;
        }
        if before > book.closed {
            let account = account.id.clone();
            return Err(LedgerError::TooFarBack { account, by });
        }
        Ok(None)
    }

    /// Returns the number of the last entry that was made by a moment, looking where they are.
    async fn last_by(&self, book: &Book, at: Timestamp) -> Result<u64, LedgerError> {
        let (mut made, mut later) = (book.closed, book.entries + 1);
        while made + 1 < later {
            let middle = made + (later - made) / 2;
            let reads = command(&book.app, &book.id)?.key(&entry_key(middle));
            let entry = entry_in(&self.engine().read(reads).await?, middle)?;
            if entry.at <= at {
                made = middle;
            } else {
                later = middle;
            }
        }
        Ok(made)
    }

    async fn closed_balance(
        &self,
        book: &Book,
        account: &Account,
        at: Timestamp,
    ) -> Result<i64, LedgerError> {
        let closing = self.closing(&book.app, &book.id).await?;
        let Some(closing) = closing.filter(|_| account.opened_at <= at) else {
            return Ok(0);
        };
        if at < closing.at {
            let closed = closing.through;
            return Err(LedgerError::Closed { closed });
        }
        let balance = closing.balance_of(&account.id);
        Ok(balance.posted(account.side))
    }

    async fn opened(
        &self,
        caller: &Caller,
        id: &AccountId,
    ) -> Result<(Book, Account), LedgerError> {
        let none = || Error::not_found("account");
        let reads = command(caller.app_id(), &id.book())?;
        let family = self.engine().read(reads).await?;
        let account = account_in(&family, id)?.ok_or_else(none)?;
        owns(caller, &account)?;
        Ok((book_in(&family)?.ok_or_else(none)?, account))
    }

    /// Reads the entries that stand in one stretch with this one.
    pub(super) async fn stretch(
        &self,
        app: &AppId,
        book: &BookId,
        number: u64,
    ) -> Result<Family, Error> {
        let reads = command(app, book)?.prefix(&stretch_prefix(number));
        self.engine().read(reads).await
    }

    pub(super) async fn closing(
        &self,
        app: &AppId,
        book: &BookId,
    ) -> Result<Option<Closing>, Error> {
        let reads = command(app, book)?.key(CLOSING);
        let closing = self.engine().read(reads).await?.get::<Closing>(CLOSING)?;
        Ok(closing.map(|closing| Closing::clone(&closing)))
    }
}

pub(super) fn entry_in(family: &Family, number: u64) -> Result<Entry, LedgerError> {
    let entry = family.get::<Entry>(&entry_key(number))?;
    // It was there when the head was read: it has been closed since.
    let entry = entry.ok_or(LedgerError::Closed { closed: number })?;
    Ok(Entry::clone(&entry))
}

/// Returns what an entry is to an account, if it is about it.
fn line_of(account: &Account, entry: &Entry) -> Option<StatementLine> {
    let effect = Effect::of(entry)?;
    let (on, other, balance) = if entry.debit == account.id {
        (Side::Debit, &entry.credit, entry.debit_after)
    } else if entry.credit == account.id {
        (Side::Credit, &entry.debit, entry.credit_after)
    } else {
        return None;
    };
    let sign = if on == account.side { 1 } else { -1 };
    Some(StatementLine {
        number: entry.number,
        at: entry.at,
        act: entry.act,
        transfer: entry.transfer,
        other: other.clone(),
        change: sign * effect.posted,
        pending: sign * effect.pending,
        balance,
        memo: entry.memo.clone(),
    })
}
