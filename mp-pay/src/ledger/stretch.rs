use std::{collections::BTreeMap, sync::Arc};

use mp_core::{
    Command, Decision, Edits, Error, ErrorKind, Family, Timestamp,
    steps::{Plan, Standing, plan_key},
};

use super::{
    Account, AccountId, ClosedBalance, Closing, Hold, HoldState, LedgerError, Side, Transfer,
    TransferId,
    closed::CLOSING,
    plan_id::PlanId,
    records::{ACCOUNTS, book_in, entry_key, hold_key, transfer_in, transfer_key},
    statement::entry_in,
    verify::Auditor,
};

/// A stretch of entries, and the records that they are about.
#[derive(Debug)]
pub(super) struct Stretch {
    first: u64,
    end: u64,
    transfers: Vec<TransferId>,
    plans: Vec<String>,
    /// What gives back transfers that stand here, wherever it stands itself.
    reversals: Vec<TransferId>,
    made_by: Timestamp,
}

impl Stretch {
    pub(super) fn look(stretch: &Family, first: u64, end: u64) -> Result<Self, LedgerError> {
        let mut transfers = Vec::new();
        let mut made_by = Timestamp::MIN;
        for number in first..=end {
            let entry = entry_in(stretch, number)?;
            transfers.push(entry.transfer);
            made_by = made_by.max(entry.at);
        }
        transfers.sort_unstable();
        transfers.dedup();
        Ok(Self {
            first,
            end,
            transfers,
            plans: Vec::new(),
            reversals: Vec::new(),
            made_by,
        })
    }

    /// Returns the number of the last entry.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Notes the plans of the transfers that stand here, and what reverses these.
    pub(super) fn with_followers(mut self, family: &Family) -> Result<Self, Error> {
        for id in &self.transfers {
            let transfer = transfer_in(family, *id)?;
            self.reversals
                .extend(transfer.as_ref().and_then(|it| it.reversed_by));
            let over_books = transfer.filter(|it| !it.far_books().is_empty());
            let plan = over_books.map(|it| plan_key(&PlanId::of(&it).to_string()));
            self.plans.extend(plan);
        }
        Ok(self)
    }

    /// Returns the keys of what the entries are about, as far as it is known.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        let ids = self.transfers.iter();
        let keys = ids.flat_map(|id| [transfer_key(*id), hold_key(*id)]);
        keys.chain(self.plans.iter().cloned())
    }

    /// Selects what the entries are about and what follows from it, as far as it is known.
    pub(super) fn select(&self, command: Command) -> Command {
        let reversals = self.reversals.iter().map(|id| transfer_key(*id));
        let keys = self.keys().chain(reversals);
        keys.fold(command, |command, key| command.key(&key))
    }

    /// Returns what transfers that stand in other books hold here, or held.
    pub(super) fn holds(&self, family: &Family) -> Result<Vec<Arc<Hold>>, Error> {
        let holds = self.transfers.iter().map(|id| family.get(&hold_key(*id)));
        holds.filter_map(Result::transpose).collect()
    }

    /// Returns whether nothing happens any more in this book to what the entries are about.
    pub(super) fn is_done_with(&self, family: &Family, by: Timestamp) -> Result<bool, LedgerError> {
        if self.made_by > by {
            return Ok(false);
        }
        for id in &self.transfers {
            let transfer = family.get::<Transfer>(&transfer_key(*id))?;
            let rests = |it: &Transfer| it.status.is_final() && it.changed_at <= by;
            if transfer.is_some_and(|it| !rests(&it)) {
                return Ok(false);
            }
            let hold = family.get::<Hold>(&hold_key(*id))?;
            let kept = |it: &Hold| {
                let over = matches!(it.state, HoldState::Kept | HoldState::LetGo);
                over && it.changed_at <= by
            };
            if hold.is_some_and(|it| !kept(&it)) {
                return Ok(false);
            }
        }
        // One that fails frees what it reverses, which has to be there for that.
        for id in &self.reversals {
            let reversal = transfer_in(family, *id)?;
            if reversal.is_some_and(|it| !it.status.is_final()) {
                return Ok(false);
            }
        }
        for plan in &self.plans {
            let plan = family.get::<Plan>(plan)?;
            let ended =
                |it: &Plan| matches!(it.standing(), Standing::Confirmed | Standing::Released);
            if plan.is_some_and(|it| !ended(&it)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Verifies the closing before and the entries since, and returns what the accounts come to after
    /// them.
    pub(super) fn closing(&self, family: &Family, place: &str) -> Result<Closing, LedgerError> {
        let head = book_in(family)?.ok_or_else(|| Error::not_found("book"))?;
        let before = family.get::<Closing>(CLOSING)?;
        let accounts = family.scan::<Account>(ACCOUNTS)?;
        let accounts: Vec<&Account> = accounts.iter().map(|(_, account)| &**account).collect();
        if !Closing::is_whole(before.as_deref(), &head, &accounts) {
            return Err(broken(head.closed).into());
        }
        let mut auditor = before.map_or_else(Auditor::new, |before| before.auditor());
        let sides = accounts.iter().map(|it| (it.id.clone(), it.side));
        let sides: BTreeMap<AccountId, Side> = sides.collect();
        for number in self.first..=self.end {
            let entry = entry_in(family, number)?;
            auditor.take(&entry, &sides).map_err(|_| broken(number))?;
        }
        let balances = auditor.balances.into_iter();
        let closed = |(account, balance)| ClosedBalance { account, balance };
        Ok(Closing {
            through: self.end,
            at: self.made_by,
            hash: auditor.hash,
            place: place.to_owned(),
            balances: balances.map(closed).collect(),
        })
    }

    pub(super) fn decide(
        &self,
        family: &Family,
        by: Timestamp,
        place: &str,
    ) -> Result<Decision<u64>, LedgerError> {
        let mut head = book_in(family)?.ok_or_else(|| Error::not_found("book"))?;
        if head.closed + 1 != self.first || !self.is_done_with(family, by)? {
            return Ok(Decision::unchanged(0));
        }
        let closing = self.closing(family, place)?;
        let mut edits = Edits::new();
        let entries = (self.first..=self.end).map(entry_key);
        for key in entries.chain(self.keys()) {
            edits.delete(&key);
        }
        head.closed = self.end;
        head.seal = Some(closing.seal());
        edits.put_root(head);
        edits.put(CLOSING, closing);
        Ok(edits.answer(self.end + 1 - self.first))
    }
}

fn broken(number: u64) -> Error {
    let message = format!("entry {number} does not verify: nothing was moved out");
    Error::new(ErrorKind::Corrupt, "corrupt_record", message)
}
