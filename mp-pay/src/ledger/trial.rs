use std::collections::BTreeMap;

use mp_core::{
    Caller, Error,
    amount::Unit,
    id::AppId,
    store::{Listing, Partition},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, Balance, BookId, LEDGER_MANAGE, Ledger, LedgerError,
    name::BOOKS,
    records::{ACCOUNTS, command, is_retired},
};

/// How many partitions are listed at a time.
const PAGE: u32 = 1_000;

/// Every account of a book, or of many, and what they come to in each unit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TrialBalance {
    /// The accounts.
    pub rows: Vec<TrialRow>,
    /// The sums, by unit.
    pub totals: Vec<UnitTotal>,
}

/// One account's line in a trial balance.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TrialRow {
    /// Which.
    pub account: AccountId,
    /// What it counts.
    pub unit: Unit,
    /// What was debited and credited.
    pub balance: Balance,
}

/// What all accounts that count one unit come to, in minor units.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnitTotal {
    /// The unit.
    pub unit: Unit,
    /// All posted debits.
    pub debits_posted: i64,
    /// All posted credits.
    pub credits_posted: i64,
    /// All pending debits.
    pub debits_pending: i64,
    /// All pending credits.
    pub credits_pending: i64,
    /// What is posted on its way between books, as far as these accounts tell: zero over all books,
    /// once due work is done.
    pub in_transit: i64,
}

impl UnitTotal {
    const fn zero(unit: Unit) -> Self {
        Self {
            unit,
            debits_posted: 0,
            credits_posted: 0,
            debits_pending: 0,
            credits_pending: 0,
            in_transit: 0,
        }
    }

    /// Returns whether debits and credits are the same, posted and pending.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.debits_posted == self.credits_posted && self.debits_pending == self.credits_pending
    }

    fn add(&mut self, row: &TrialRow) -> Option<()> {
        let Balance {
            debits_posted,
            debits_pending,
            credits_posted,
            credits_pending,
        } = row.balance;
        self.debits_posted = self.debits_posted.checked_add(debits_posted)?;
        self.credits_posted = self.credits_posted.checked_add(credits_posted)?;
        self.debits_pending = self.debits_pending.checked_add(debits_pending)?;
        self.credits_pending = self.credits_pending.checked_add(credits_pending)?;
        if row.account.is_in_transit() {
            let on_its_way = credits_posted - debits_posted;
            self.in_transit = self.in_transit.checked_add(on_its_way)?;
        }
        Some(())
    }
}

impl TrialBalance {
    /// Draws up the balance of these accounts.
    ///
    /// # Errors
    ///
    /// `invalid_field` if a sum is beyond 64 bits.
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Result<Self, Error> {
        let rows = accounts.into_iter().map(|account| TrialRow {
            account: account.id.clone(),
            unit: account.unit.clone(),
            balance: account.balance,
        });
        let rows: Vec<TrialRow> = rows.collect();
        let mut totals: BTreeMap<Unit, UnitTotal> = BTreeMap::new();
        for row in &rows {
            let unit = row.unit.clone();
            let total = totals
                .entry(unit.clone())
                .or_insert_with(|| UnitTotal::zero(unit));
            let beyond = || Error::invalid("accounts", "come to more than 64 bits");
            total.add(row).ok_or_else(beyond)?;
        }
        let totals = totals.into_values().collect();
        Ok(Self { rows, totals })
    }

    /// Returns whether debits and credits are the same in every unit.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.totals.iter().all(UnitTotal::is_balanced)
    }

    /// Returns whether nothing is on its way between these books.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.totals.iter().all(|total| total.in_transit == 0)
    }
}

impl Ledger {
    /// Draws up the trial balance of a book.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`, the store's errors.
    pub async fn trial_balance(
        &self,
        caller: &Caller,
        book: &BookId,
    ) -> Result<TrialBalance, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        let accounts = self.accounts_in(caller, book).await?;
        if accounts.is_empty() {
            return Err(Error::not_found("book").into());
        }
        Ok(TrialBalance::of(&accounts)?)
    }

    /// Draws up the trial balance of all books of the caller's app, for audits: it reads them one
    /// after the other, so that it is of one moment only while nothing moves.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, the store's errors.
    pub async fn trial_balance_of_all(
        &self,
        caller: &Caller,
        listing: &dyn Listing,
    ) -> Result<TrialBalance, LedgerError> {
        let mut accounts = Vec::new();
        for book in self.books(caller, listing).await? {
            match self.accounts_in(caller, &book).await {
                Ok(found) => accounts.extend(found),
                Err(LedgerError::Core(error)) if is_retired(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(TrialBalance::of(&accounts)?)
    }

    /// Lists the books of the caller's app, those of settlements included. One that was
    /// [retired](super::ClosedSettlements) stays on the list; who reads it is told `archived`.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, the store's errors.
    pub async fn books(
        &self,
        caller: &Caller,
        listing: &dyn Listing,
    ) -> Result<Vec<BookId>, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        let app = caller.app_id();
        let page_max = PAGE.min(listing.limits().read_max).max(1);
        let mut books = Vec::new();
        let (mut after, end) = (before_books(app)?, after_books(app)?);
        loop {
            let page = listing.partitions(Some(&after), page_max).await;
            let page = page.map_err(Error::from)?;
            let theirs = page.iter().filter(|it| is_book_of(app, it));
            books.extend(theirs.filter_map(|it| BookId::new(it.local_id()).ok()));
            match page.into_iter().next_back() {
                Some(last) if last < end => after = last,
                _ => return Ok(books),
            }
        }
    }

    async fn accounts_in(
        &self,
        caller: &Caller,
        book: &BookId,
    ) -> Result<Vec<Account>, LedgerError> {
        let reads = command(caller.app_id(), book)?;
        let accounts = self.engine().read(reads).await?.scan::<Account>(ACCOUNTS)?;
        Ok(accounts
            .into_iter()
            .map(|(_, account)| Account::clone(&account))
            .collect())
    }
}

fn is_book_of(app: &AppId, partition: &Partition) -> bool {
    partition.kind() == BOOKS && partition.app() == app.as_str()
}

/// Returns an id before those of all books of an app: in the order of ids, `.` comes next before `/`.
fn before_books(app: &AppId) -> Result<Partition, Error> {
    Partition::new(app, &format!("{BOOKS}."), "-")
}

/// Returns an id after those of all books of an app: `0` comes next after `/`.
fn after_books(app: &AppId) -> Result<Partition, Error> {
    Partition::new(app, &format!("{BOOKS}0"), "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_books_of_an_app_are_between_two_ids() {
        let app = AppId::new("market").expect("an app");
        let (before, after) = (before_books(&app), after_books(&app));
        let (before, after) = (before.expect("an id"), after.expect("an id"));
        let others = [
            "market+/acct/a",
            "market/acc/a",
            "market/acct-/a",
            "market/acct_/a",
        ];
        for other in [&others[..], &["market/pay/a", "market0/acct/a"]].concat() {
            let other = Partition::parse(other).expect("an id");
            assert!(other < before || after < other, "{other}");
        }
        for book in [
            "+",
            "-",
            ".",
            "0",
            "a",
            "z".repeat(BookId::LENGTH_MAX).as_str(),
        ] {
            let book = BookId::new(book).expect("a book").partition(&app);
            let book = book.expect("an id");
            assert!(before < book && book < after, "{book}");
        }
    }
}
