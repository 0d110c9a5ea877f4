use std::{collections::BTreeMap, time::Duration};

use mp_core::{
    Caller, Decision, Document, Edits, Error, Family, Timestamp,
    retention::{AGE_MIN, Archive, Archived},
    steps::{Plan, Standing, plan_key},
    store::{Key, Query, Selection},
};
use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, Balance, BookId, ChainHash, Hold, HoldState, LEDGER_MANAGE, Ledger,
    LedgerError, Side, Transfer,
    plan_id::PlanId,
    records::{ACCOUNTS, STRETCH, book_in, command, hold_key, stretch_prefix, transfer_key},
    statement::entry_in,
    verify::Auditor,
};

/// Where the closing stands.
pub(super) const CLOSING: &str = "closing";

/// What a book's accounts came to when its journal was last closed: what the entries that were moved
/// out made of them. The chain goes on from its hash.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Closing {
    /// The number of the last entry that was moved out.
    pub through: u64,
    /// When that entry was made.
    pub at: Timestamp,
    /// Its hash.
    pub hash: ChainHash,
    /// Where the archive has put it.
    pub place: String,
    /// The balances.
    pub balances: Vec<ClosedBalance>,
}

/// What an account came to at a closing.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClosedBalance {
    /// The account.
    pub account: AccountId,
    /// Its balance.
    pub balance: Balance,
}

impl Document for Closing {
    const KIND: &'static str = "ledger_closing";
    const FORMAT: u32 = 1;
}

impl Closing {
    /// Returns the balance of an account at the closing.
    #[must_use]
    pub fn balance_of(&self, account: &AccountId) -> Balance {
        let closed = self.balances.iter().find(|each| &each.account == account);
        closed.map_or_else(Balance::default, |each| each.balance)
    }

    pub(super) fn auditor(&self) -> Auditor {
        Auditor {
            hash: self.hash,
            balances: self
                .balances
                .iter()
                .map(|each| (each.account.clone(), each.balance))
                .collect(),
        }
    }
}

impl Ledger {
    /// Moves the oldest stretch of a book's journal, 100 entries, to an archive, with the transfers
    /// that it is about, and returns how many entries that were; none if not all of them are as old
    /// as `age` and done with. Call it again until it returns none.
    ///
    /// The balances stay, the chain goes on from the last hash, and what was moved out is verified
    /// before. A transfer's id is remembered as long as its entries are there, so `age` counts as at
    /// least [`AGE_MIN`].
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`; `corrupt_record` if the stretch
    /// does not verify; the archive's and the store's errors. Nothing is moved out then.
    pub async fn close(
        &self,
        caller: &Caller,
        book: &BookId,
        age: Duration,
        archive: &dyn Archive,
    ) -> Result<u64, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        let app = caller.app_id();
        let first = self.engine().read(command(app, book)?).await?;
        let head = book_in(&first)?.ok_or_else(|| Error::not_found("book"))?;
        let end = ((head.closed + 1) / STRETCH + 1) * STRETCH - 1;
        if end > head.entries {
            return Ok(0);
        }
        let stretch = self.stretch(app, book, end).await?;
        let work = Work::look(&stretch, head.closed + 1, end)?;
        let mut reads = command(app, book)?
            .key(CLOSING)
            .prefix(&stretch_prefix(end));
        for key in work.keys() {
            reads = reads.key(&key);
        }
        let family = self.engine().read(reads.clone()).await?;
        let by = self.engine().now().minus(age.max(AGE_MIN));
        if !work.is_done_with(&family, by)? {
            return Ok(0);
        }
        let place = self.keep(app, book, &work, end, archive).await?;
        let decide = move |family: &Family, _: Timestamp| work.decide(family, end, by, &place);
        Ok(self.engine().run(reads, decide).await?.answer)
    }

    async fn keep(
        &self,
        app: &mp_core::id::AppId,
        book: &BookId,
        work: &Work,
        end: u64,
        archive: &dyn Archive,
    ) -> Result<String, LedgerError> {
        let partition = book.partition(app)?;
        let mut select = vec![Selection::Prefix(Key::new(&stretch_prefix(end))?)];
        for key in work.keys() {
            select.push(Selection::Key(Key::new(&key)?));
        }
        let store = self.engine().store();
        let limit = store.limits().read_max;
        let view = store.read(&partition, &Query { select, limit }).await;
        let view = view.map_err(Error::from)?;
        let archived = Archived {
            partition,
            head: view.head,
            at: view.at,
            records: view.records,
        };
        let now = self.engine().now();
        Ok(archive.keep(vec![archived], now).await?)
    }
}

/// A stretch of entries, and the records that they are about.
struct Work {
    first: u64,
    transfers: Vec<super::TransferId>,
    book: BookId,
    made_by: Timestamp,
}

impl Work {
    fn look(stretch: &Family, first: u64, end: u64) -> Result<Self, LedgerError> {
        let book = book_in(stretch)?.ok_or_else(|| Error::not_found("book"))?;
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
            transfers,
            book: book.id,
            made_by,
        })
    }

    /// Returns the keys of the transfers that stand here and their plans.
    fn keys(&self) -> Vec<String> {
        let keys = self.transfers.iter().flat_map(|id| {
            let plan = PlanId::of_two_phase(&self.book, *id).to_string();
            [transfer_key(*id), plan_key(&plan), hold_key(*id)]
        });
        keys.collect()
    }

    /// Returns whether nothing happens any more to what the entries are about.
    fn is_done_with(&self, family: &Family, by: Timestamp) -> Result<bool, LedgerError> {
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
            let plan = PlanId::of_two_phase(&self.book, *id).to_string();
            let plan = family.get::<Plan>(&plan_key(&plan))?;
            let ended =
                |it: &Plan| matches!(it.standing(), Standing::Confirmed | Standing::Released);
            if plan.is_some_and(|it| !ended(&it)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn decide(
        &self,
        family: &Family,
        end: u64,
        by: Timestamp,
        place: &str,
    ) -> Result<Decision<u64>, LedgerError> {
        let mut head = book_in(family)?.ok_or_else(|| Error::not_found("book"))?;
        if head.closed + 1 != self.first || !self.is_done_with(family, by)? {
            return Ok(Decision::unchanged(0));
        }
        let closing = family.get::<Closing>(CLOSING)?;
        let mut auditor = closing.map_or_else(Auditor::new, |closing| closing.auditor());
        let accounts = family.scan::<Account>(ACCOUNTS)?;
        let sides: BTreeMap<AccountId, Side> = accounts
            .iter()
            .map(|(_, account)| (account.id.clone(), account.side))
            .collect();
        let mut edits = Edits::new();
        for number in self.first..=end {
            let entry = entry_in(family, number)?;
            auditor.take(&entry, &sides).map_err(|_| broken(number))?;
            edits.delete(&super::records::entry_key(number));
        }
        for key in self.keys() {
            edits.delete(&key);
        }
        head.closed = end;
        edits.put_root(head);
        edits.put(
            CLOSING,
            Closing {
                through: end,
                at: self.made_by,
                hash: auditor.hash,
                place: place.to_owned(),
                balances: auditor
                    .balances
                    .into_iter()
                    .map(|(account, balance)| ClosedBalance { account, balance })
                    .collect(),
            },
        );
        Ok(edits.answer(end + 1 - self.first))
    }
}

fn broken(number: u64) -> Error {
    let message = format!("entry {number} does not verify: nothing was moved out");
    Error::new(mp_core::ErrorKind::Corrupt, "corrupt_record", message)
}
