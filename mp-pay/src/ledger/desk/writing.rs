//! How an entry comes about: both ends are changed, and it is chained to the one before.

use mp_core::{Error, Timestamp, amount::Unit};

use super::{
    Desk, Occasion,
    bounds::{within_bounds, within_sums},
};
use crate::ledger::{Account, AccountId, Act, Effect, Entry, LedgerError, Leg, Side};

impl Desk {
    /// Makes an entry for each leg, or none.
    pub(super) fn write(
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
            within_sums(account, leg, on)?;
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
}
