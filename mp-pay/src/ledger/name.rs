use std::{fmt, str::FromStr, sync::Arc};

use mp_core::{Error, amount::Unit, id::AppId, port::SettlementKey, store::Partition};

use crate::intent::IntentId;

/// Names a book: the accounts that are kept together, such as one person's or one stall's.
///
/// 1 to 120 of `A-Z a-z 0-9 . _ : @ + -`. Names that begin with `settlement:` belong to
/// [`LedgerSettlement`](super::LedgerSettlement), those that begin with `payment:` to
/// [`LedgerBackend`](super::LedgerBackend).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookId(Arc<str>);

/// Names an account, `{book}/{name}`: `mei/wallet`, `stall-17/sales`.
///
/// The name is 1 to 48 of `A-Z a-z 0-9 . _ -`. Those that begin with `in-transit:` are the book's
/// own: see [`in_transit`](Self::in_transit).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    text: Arc<str>,
    slash: usize,
}

/// The text names no book or no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct ParseAccountError(&'static str);

const BOOK: &str = "a book such as stall-17: 1 to 120 of A-Z a-z 0-9 . _ : @ + -";
const ACCOUNT: &str = "an account such as stall-17/sales: a book, a slash and a name";

/// The kind of the partitions that books stand in.
pub(super) const BOOKS: &str = "acct";

/// What the names of accounts begin with that hold what is on its way between books.
const IN_TRANSIT: &str = "in-transit:";

/// What the names of books begin with that hold settlements.
const SETTLEMENT: &str = "settlement:";

/// What the names of books begin with that hold intents' payments.
const PAYMENT: &str = "payment:";

impl BookId {
    /// The longest name, in bytes.
    pub const LENGTH_MAX: usize = 120;

    /// Checks and keeps a name.
    ///
    /// # Errors
    ///
    /// [`ParseAccountError`] if it is empty, too long, or has another character.
    pub fn new(text: &str) -> Result<Self, ParseAccountError> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(is_identity) {
            Ok(Self(text.into()))
        } else {
            Err(ParseAccountError(BOOK))
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the account of this name in the book.
    ///
    /// # Errors
    ///
    /// [`ParseAccountError`] if it is no name of an account.
    pub fn account(&self, name: &str) -> Result<AccountId, ParseAccountError> {
        format!("{self}/{name}").parse()
    }

    /// Returns the partition that the book stands in.
    ///
    /// # Errors
    ///
    /// None in fact: an app id and a book's name always make a partition id.
    pub fn partition(&self, app: &AppId) -> Result<Partition, Error> {
        Partition::new(app, BOOKS, &self.0)
    }

    /// Returns the book that a settlement of this key stands in.
    pub(crate) fn of_settlement(key: &str) -> Self {
        Self(format!("{SETTLEMENT}{key}").into())
    }

    /// Returns the book that an intent's payment stands in.
    pub(crate) fn of_payment(intent: &IntentId) -> Self {
        Self(format!("{PAYMENT}{intent}").into())
    }

    /// Returns the key of the settlement that stands in the book, if one does.
    pub(crate) fn settlement_key(&self) -> Option<SettlementKey> {
        self.0.strip_prefix(SETTLEMENT)?.parse().ok()
    }

    /// Returns whether a settlement stands in the book.
    pub(crate) fn is_settlement(&self) -> bool {
        self.0.starts_with(SETTLEMENT)
    }

    /// Returns whether an intent's payment stands in the book.
    pub(crate) fn is_payment(&self) -> bool {
        self.0.starts_with(PAYMENT)
    }

    /// Returns whether the book is one that callers do not name.
    pub(crate) fn is_reserved(&self) -> bool {
        self.is_settlement() || self.is_payment()
    }
}

impl AccountId {
    /// The longest name within its book, in bytes.
    pub const NAME_LENGTH_MAX: usize = 48;

    /// Returns the whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the book.
    #[must_use]
    pub fn book(&self) -> BookId {
        BookId(self.book_text().into())
    }

    /// Returns the name within the book.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// Returns whether the account stands in the book.
    #[must_use]
    pub fn is_in(&self, book: &BookId) -> bool {
        self.book_text() == book.as_str()
    }

    /// Returns the account of a book that holds what is on its way to other books and from them.
    #[must_use]
    pub fn in_transit(book: &BookId, unit: &Unit) -> Self {
        Self {
            text: format!("{book}/{IN_TRANSIT}{unit}").into(),
            slash: book.as_str().len(),
        }
    }

    /// Returns whether the account holds what is on its way between books.
    #[must_use]
    pub fn is_in_transit(&self) -> bool {
        self.name().starts_with(IN_TRANSIT)
    }

    pub(crate) fn book_text(&self) -> &str {
        &self.text[..self.slash]
    }
}

impl FromStr for BookId {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, ParseAccountError> {
        Self::new(text)
    }
}

impl FromStr for AccountId {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, ParseAccountError> {
        let wrong = ParseAccountError(ACCOUNT);
        let (book, name) = text.split_once('/').ok_or(wrong)?;
        BookId::new(book)?;
        let fits = match name.strip_prefix(IN_TRANSIT) {
            Some(unit) => unit.parse::<Unit>().is_ok(),
            None => (1..=Self::NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_word),
        };
        let (text, slash) = (text.into(), book.len());
        fits.then_some(Self { text, slash }).ok_or(wrong)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn is_identity(byte: u8) -> bool {
    is_word(byte) || b":@+".contains(&byte)
}

impl fmt::Display for BookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for BookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BookId({self})")
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

mp_core::text_form!(
    BookId,
    expected: BOOK,
    pattern: "^[A-Za-z0-9._:@+-]{1,120}$"
);

mp_core::text_form!(
    AccountId,
    expected: ACCOUNT,
    pattern: "^[A-Za-z0-9._:@+-]{1,120}/([A-Za-z0-9._-]{1,48}|in-transit:([A-Z]{3}|[A-Za-z0-9._-]{1,64}:[a-z][a-z0-9_]{0,31}))$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_its_book_and_a_name() {
        let account: AccountId = "stall-17/sales".parse().expect("a name");
        assert_eq!(
            (account.book().as_str(), account.name()),
            ("stall-17", "sales")
        );
        for text in ["", "stall", "/sales", "stall/", "a/b/c", "a/b:c", "a b/c"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
        let long = format!("{}/{}", "b".repeat(121), "n");
        assert!(long.parse::<AccountId>().is_err());
    }

    #[test]
    fn what_is_on_its_way_has_an_account_for_each_unit() {
        let book = BookId::new("mei").expect("a book");
        for unit in ["EUR", "market:points"] {
            let unit: Unit = unit.parse().expect("a unit");
            let account = AccountId::in_transit(&book, &unit);
            assert!(account.is_in_transit() && account.is_in(&book));
            assert_eq!(account.as_str().parse(), Ok(account));
        }
        assert!("mei/in-transit:euro".parse::<AccountId>().is_err());
    }
}
