use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Error, Scope,
    amount::{Currency, Money},
    clock::ManualClock,
    store::{Batch, CommitId, Key, Listing, Query, Selection, Store, Write},
};
use mp_pay::ledger::{
    AccountId, BookId, Ledger, LedgerError, NamedTransfer, NewTransfer, OpenAccount, PostTransfer,
    ReadStatement, Side, Statement, Transfer, TransferId, TrialBalance, Verified,
};

use super::checkout::Checkout;

/// A stall, a visitor with a wallet, and the house between them; each has a book of their own.
pub(crate) struct Stall {
    ledger: Ledger,
    clock: Arc<ManualClock>,
    pub(crate) checkout: Checkout,
    pub(crate) office: Caller,
    pub(crate) mei: Caller,
}

impl Stall {
    pub(crate) async fn open(
        engine: &Engine,
        clock: Arc<ManualClock>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let ledger = Ledger::new(engine);
        let stall = Self {
            checkout: Checkout::into(&ledger, engine, account("stall/sales")),
            ledger,
            clock,
            office: Caller::app("market".parse()?).with_scope(Scope::STAFF),
            mei: Caller::user("market".parse()?, "mei".parse()?),
        };
        let euro = || Currency::EUR.into();
        for account in [
            OpenAccount::wallet("mei/wallet".parse()?, euro(), "mei".parse()?),
            OpenAccount::own("house/bank".parse()?, euro(), Side::Debit),
            OpenAccount::wallet("stall/sales".parse()?, euro(), "chef".parse()?),
        ] {
            stall.ledger.open(&stall.office, account).await?;
        }
        Ok(stall)
    }

    /// Mei's money has come in at the house's bank.
    pub(crate) async fn top_up(&self, key: &str, cents: i64) -> Result<Transfer, LedgerError> {
        let request = moving("house/bank", "mei/wallet", cents, key);
        let office = &self.office;
        self.ledger.transfer(office, id(key), request).await
    }

    /// Mei orders: what it costs at most is held, what it did cost is posted.
    pub(crate) async fn order(
        &self,
        key: &str,
        at_most: i64,
        cost: Option<i64>,
    ) -> Result<Transfer, LedgerError> {
        self.clock.advance(Duration::from_secs(300));
        let request = moving("mei/wallet", "stall/sales", at_most, key).pending_for_s(1_800);
        let held = self.ledger.transfer(&self.mei, id(key), request).await?;
        let post = PostTransfer {
            book: held.home,
            transfer: held.id,
            amount: cost,
        };
        self.ledger.post(&self.office, post).await
    }

    /// What was posted goes back, by a transfer that names it.
    pub(crate) async fn give_back(
        &self,
        key: &str,
        order: &Transfer,
    ) -> Result<Transfer, LedgerError> {
        self.clock.advance(Duration::from_secs(300));
        let order = NamedTransfer {
            book: order.home.clone(),
            transfer: order.id,
        };
        self.ledger.reverse(&self.office, id(key), order).await
    }

    /// The house pays the stall out of its bank.
    pub(crate) async fn pay_out(&self, key: &str, cents: i64) -> Result<Transfer, LedgerError> {
        self.clock.advance(Duration::from_secs(600));
        let request = moving("stall/sales", "house/bank", cents, key);
        let office = &self.office;
        self.ledger.transfer(office, id(key), request).await
    }

    pub(crate) async fn statement(&self, of: &str) -> Result<Statement, LedgerError> {
        let request = ReadStatement {
            account: account(of),
            after: 0,
        };
        self.ledger.statement(&self.office, request).await
    }

    pub(crate) async fn trial_balance(
        &self,
        listing: &dyn Listing,
    ) -> Result<TrialBalance, LedgerError> {
        self.ledger
            .trial_balance_of_all(&self.office, listing)
            .await
    }

    pub(crate) async fn verify(&self, of: &str) -> Result<Verified, LedgerError> {
        self.ledger.verify(&self.office, &book(of)).await
    }

    /// Changes the amount of the top-up in the database, past the ledger.
    pub(crate) async fn tamper(&self, store: &dyn Store) -> Result<(), Error> {
        let partition = book("mei").partition(self.office.app_id())?;
        let key = Key::new("j/000000000001")?;
        let query = Query {
            select: vec![Selection::Key(key.clone())],
            limit: 10,
        };
        let view = store.read(&partition, &query).await?;
        let entry = view.records.iter().find(|record| record.key == key);
        let entry = entry.ok_or_else(|| Error::not_found("entry"))?;
        let text = String::from_utf8_lossy(&entry.value);
        let value = text.replace(r#""amount":5000"#, r#""amount":9000"#).into();
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: view.at,
            writes: vec![Write::put(key, value)],
        };
        store.commit(&partition, batch).await?;
        Ok(())
    }
}

fn moving(debit: &str, credit: &str, cents: i64, what: &str) -> NewTransfer {
    let amount = Money::new(cents, Currency::EUR);
    let memo = what.parse().expect("a short text");
    NewTransfer::of(account(debit), account(credit), amount).with_memo(memo)
}

fn id(key: &str) -> TransferId {
    TransferId::derived(&[key])
}

fn account(text: &str) -> AccountId {
    text.parse().expect("an account of this program")
}

fn book(text: &str) -> BookId {
    text.parse().expect("a book of this program")
}
