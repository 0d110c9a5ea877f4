use std::collections::BTreeMap;

use mp_core::{
    Error, Timestamp,
    amount::{Amount, Unit},
    label::Label,
};

use super::{
    ACCOUNTS_MAX, Account, AccountId, Act, Balance, Book, Effect, Entry, LedgerError, Leg, Side,
    TransferId,
};

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

/// What entries are made for, and when.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The transfer.
    pub transfer: TransferId,
    /// What it is for.
    pub memo: Option<Label>,
    /// When.
    pub at: Timestamp,
}

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

    fn write(
        &mut self,
        legs: &[Leg],
        occasion: &Occasion,
        act: Act,
        amounts: impl Fn(&Leg) -> (i64, i64),
    ) -> Result<(), LedgerError> {
        let (changed, entries) = (self.changed.len(), self.entries.len());
        let (number, hash) = (self.book.entries, self.book.hash);
        for leg in legs {
            let written = self.write_leg(leg, occasion, act, amounts(leg));
            if let Err(error) = written {
                self.go_back(changed);
                self.entries.truncate(entries);
                (self.book.entries, self.book.hash) = (number, hash);
                return Err(error);
            }
        }
        Ok(())
    }

    fn write_leg(
        &mut self,
        leg: &Leg,
        occasion: &Occasion,
        act: Act,
        (amount, released): (i64, i64),
    ) -> Result<(), LedgerError> {
        let effect = Effect::made_by(act, amount, released)
            .ok_or_else(|| Error::invalid("act", "is one of a newer release"))?;
        let debit_after = self.change(leg, &leg.debit, Side::Debit, act, effect, occasion.at)?;
        let credit_after = self.change(leg, &leg.credit, Side::Credit, act, effect, occasion.at)?;
        self.book.entries += 1;
        let mut entry = Entry {
            number: self.book.entries,
            at: occasion.at,
            act,
            transfer: occasion.transfer,
            of_move: leg.of_move,
            debit: leg.debit.clone(),
            credit: leg.credit.clone(),
            unit: leg.unit.clone(),
            amount,
            released,
            debit_after,
            credit_after,
            memo: occasion.memo.clone(),
            hash: self.book.hash,
        };
        entry.hash = entry.chained_to(&self.book.hash);
        self.book.hash = entry.hash;
        self.entries.push(entry);
        Ok(())
    }

    /// Changes one account, and returns its posted balance.
    fn change(
        &mut self,
        leg: &Leg,
        id: &AccountId,
        on: Side,
        act: Act,
        effect: Effect,
        now: Timestamp,
    ) -> Result<i64, LedgerError> {
        let number = self.book.entries + 1;
        if id.is_in_transit() && !self.accounts.contains_key(id) {
            let account = self.in_transit(id, &leg.unit, now);
            self.accounts.insert(id.clone(), account);
        }
        let none = || LedgerError::NoAccount {
            of_move: leg.of_move,
            on,
            account: id.clone(),
        };
        let account = self.accounts.get_mut(id).ok_or_else(none)?;
        if account.unit != leg.unit {
            return Err(LedgerError::UnitMismatch {
                of_move: leg.of_move,
                account: id.clone(),
                counts: account.unit.clone(),
                asked: leg.unit.clone(),
            });
        }
        if matches!(act, Act::Posted | Act::Pending) {
            within_bounds(account, leg, on)?;
        }
        let before = (account.balance, account.last_entry);
        let overflow = || LedgerError::Overflow {
            of_move: leg.of_move,
            account: id.clone(),
        };
        account.balance = account.balance.after(&effect, on).ok_or_else(overflow)?;
        account.last_entry = number;
        self.changed.push((id.clone(), Some(before)));
        Ok(account.posted())
    }

    fn in_transit(&self, id: &AccountId, unit: &Unit, now: Timestamp) -> Account {
        Account {
            opened_at: now,
            ..Account::opened(
                id.clone(),
                self.book.app.clone(),
                unit.clone(),
                Side::Credit,
            )
        }
    }

    fn go_back(&mut self, changed: usize) {
        for (id, before) in self.changed.split_off(changed).into_iter().rev() {
            if let (Some(account), Some(before)) = (self.accounts.get_mut(&id), before) {
                (account.balance, account.last_entry) = before;
            }
        }
    }

    /// Returns the accounts that are not as they were stored.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Account> {
        let mut ids: Vec<&AccountId> = self.changed.iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.accounts.get(id))
    }
}

/// Refuses to take from an account more than it has to give, or to put in more than it has room for.
fn within_bounds(account: &Account, leg: &Leg, on: Side) -> Result<(), LedgerError> {
    let (of_move, asked) = (leg.of_move, leg.amount);
    let amount = |minor| Amount::new(minor, leg.unit.clone());
    if account.side == on {
        match account.room() {
            Some(room) if asked > room => Err(LedgerError::Full {
                of_move,
                account: account.id.clone(),
                room: amount(room),
                asked: amount(asked),
            }),
            _ => Ok(()),
        }
    } else {
        match account.available() {
            Some(available) if asked > available => Err(LedgerError::Short {
                of_move,
                account: account.id.clone(),
                available: amount(available),
                asked: amount(asked),
            }),
            _ => Ok(()),
        }
    }
}
