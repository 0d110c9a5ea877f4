use std::collections::BTreeMap;

use mp_core::{Caller, Error, Family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, Act, Balance, Book, BookId, ChainHash, Closing, Effect, Entry,
    LEDGER_MANAGE, Ledger, LedgerError, Seal, Side,
    closed::CLOSING,
    records::{ACCOUNTS, STRETCH, book_in, command, entry_key},
};

/// What came of verifying a book's journal.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// The number of the last entry that was closed before: from there on it was verified.
    pub closed: u64,
    /// The number of the last entry that was verified.
    pub entries: u64,
    /// The hash of that entry.
    pub hash: ChainHash,
    /// What the book's head tells of its closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
    /// The first thing that is wrong, if anything is.
    pub broken: Option<Broken>,
}

/// What is wrong with a journal.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Broken {
    /// The number of the entry.
    pub entry: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

/// How an entry can be wrong.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// It is missing, or does not read back.
    Unreadable,
    /// It is not what was hashed: it or its hash was changed.
    Hash,
    /// It says another balance than the entries before it make.
    Balance,
    /// The book's head has another hash than the last entry.
    Head,
    /// An account, of which this is the last entry, has another balance than its entries make.
    Account,
    /// The book was closed after this entry, and its closing is not the one that was made then.
    Closing,
    /// A newer release wrote it: have that verify it.
    Newer,
    /// Something a newer release knows.
    #[serde(other)]
    Unrecognized,
}

/// Goes over a journal, entry by entry: the chain and the balances that it makes.
#[derive(Clone, Debug)]
pub(super) struct Auditor {
    pub(super) hash: ChainHash,
    pub(super) balances: BTreeMap<AccountId, Balance>,
}

impl Auditor {
    /// Takes the next entry.
    pub(super) fn take(
        &mut self,
        entry: &Entry,
        sides: &BTreeMap<AccountId, Side>,
    ) -> Result<(), Problem> {
        if entry.act == Act::Unrecognized {
            return Err(Problem::Newer);
        }
        if entry.chained_to(&self.hash) != entry.hash {
            return Err(Problem::Hash);
        }
        self.hash = entry.hash;
        let effect = Effect::of(entry).ok_or(Problem::Newer)?;
        let ends = [
            (&entry.debit, Side::Debit, entry.debit_after),
            (&entry.credit, Side::Credit, entry.credit_after),
        ];
        for (account, on, said) in ends {
            let balance = self.balances.entry(account.clone()).or_default();
            *balance = balance.after(&effect, on).ok_or(Problem::Balance)?;
            let side = sides.get(account).copied().ok_or(Problem::Account)?;
            if balance.posted(side) != said {
                return Err(Problem::Balance);
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// Goes over a book's journal, from the last closing on: that the closing is the one that the
    /// book's head tells of and sums to zero, the hash of every entry, and that the entries make the
    /// balances which the accounts have. It names the first entry that is wrong.
    ///
    /// It shows that nothing was changed in the middle. That the whole of it, to its end, was not
    /// replaced can be told only by who has noted the last hash and the seal elsewhere: a feed, an
    /// auditor's mailbox, a newspaper.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`, [`LedgerError::Closed`] if it is
    /// closed meanwhile, the store's errors.
    pub async fn verify(&self, caller: &Caller, book: &BookId) -> Result<Verified, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        let app = caller.app_id();
        let reads = command(app, book)?.key(CLOSING);
        let family = self.engine().read(reads).await?;
        let head = book_in(&family)?.ok_or_else(|| Error::not_found("book"))?;
        let accounts = family.scan::<Account>(ACCOUNTS)?;
        let accounts: Vec<Account> = accounts.iter().map(|(_, it)| Account::clone(it)).collect();
        let sides = accounts.iter().map(|it| (it.id.clone(), it.side)).collect();
        let closing = family.get::<Closing>(CLOSING)?;
        let whole = Closing::is_whole(closing.as_deref(), &head, &Vec::from_iter(&accounts));
        let mut auditor = closing.map_or_else(Auditor::new, |closing| closing.auditor());
        if !whole {
            let problem = Some(Problem::Closing);
            return Ok(found(&head, head.closed, &auditor, problem));
        }

        let mut number = head.closed + 1;
        while number <= head.entries {
            let stretch = self.stretch(app, book, number).await?;
            let end = head.entries.min((number / STRETCH + 1) * STRETCH - 1);
            for number in number..=end {
                let taken = read(&stretch, number).and_then(|it| auditor.take(&it, &sides));
                if let Err(problem) = taken {
                    self.demand_open(app, book, number).await?;
                    return Ok(found(&head, number, &auditor, Some(problem)));
                }
            }
            number = end + 1;
        }
        if auditor.hash != head.hash {
            let problem = Some(Problem::Head);
            return Ok(found(&head, head.entries, &auditor, problem));
        }
        let wrong = |account: &&Account| {
            let made = auditor.balances.get(&account.id).copied();
            made.unwrap_or_default() != account.balance
        };
        Ok(match accounts.iter().find(wrong) {
            Some(account) => found(&head, account.last_entry, &auditor, Some(Problem::Account)),
            None => found(&head, head.entries, &auditor, None),
        })
    }

    /// Refuses to judge an entry that was moved out while we were looking.
    async fn demand_open(
        &self,
        app: &mp_core::id::AppId,
        book: &BookId,
        number: u64,
    ) -> Result<(), LedgerError> {
        let family = self.engine().read(command(app, book)?).await?;
        let closed = book_in(&family)?.map_or(0, |book| book.closed);
        if number <= closed {
            return Err(LedgerError::Closed { closed });
        }
        Ok(())
    }
}

impl Auditor {
    pub(super) const fn new() -> Self {
        Self {
            hash: ChainHash::START,
            balances: BTreeMap::new(),
        }
    }
}

fn found(head: &Book, entries: u64, auditor: &Auditor, problem: Option<Problem>) -> Verified {
    Verified {
        closed: head.closed,
        seal: head.seal.clone(),
        entries,
        hash: auditor.hash,
        broken: problem.map(|problem| Broken {
            entry: entries,
            problem,
        }),
    }
}

fn read(stretch: &Family, number: u64) -> Result<Entry, Problem> {
    match stretch.get::<Entry>(&entry_key(number)) {
        Ok(Some(entry)) if entry.number == number => Ok(Entry::clone(&entry)),
        _ => Err(Problem::Unreadable),
    }
}
