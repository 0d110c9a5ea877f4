//! The ledger as a payment backend: intents are paid from stored value.

mod ask;
mod calls;
mod order;
mod outcome;
mod payer;
mod standing;

use std::{sync::Arc, time::Duration};

use mp_core::{Error, ErrorKind, id::AppId};

#[cfg(test)]
pub(crate) use self::order::Order;
use self::{ask::Ask, standing::Standing};
use super::{
    BookId, Ledger, PENDING_MAX, SETTLEMENT_HOLD, SettlementAccounts, TransferId,
    records::is_retired,
};
use crate::{
    backend::{BackendError, BackendErrorKind, Outcome},
    operation::OperationKey,
};

/// The payment method token that stands for the payer's account in the currency of the charge, which
/// [`SettlementAccounts::payer`] tells: the same for everybody.
pub const STORED_VALUE: &str = "stored_value";

/// Pays [intents](crate::Payments) from accounts of a [`Ledger`]: wallets, gift balances, deposits.
///
/// A [payment method token](crate::method::PaymentMethodToken) is the name of an
/// [`Account`](super::Account), such as `mei/wallet`, or [`STORED_VALUE`]. It is no secret and gives no right by itself:
/// the account must be the [payer's own](super::Account::owner), whoever has named it, and one that
/// is not is declined as one that is not there. What the app is paid into,
/// [`SettlementAccounts::payee`] tells.
///
/// | asked for | what it is in the ledger |
/// |---|---|
/// | charge, captured at once | a transfer to the payee |
/// | charge, captured later | a transfer that is pending for the [hold's life](Self::with_hold_life) |
/// | capture, whole or in part | it is posted, and the rest is let go of: once |
/// | void | it is voided |
/// | refund | a transfer back that [names it](super::Transfer::returns) |
///
/// The entries' memo is the intent's id. A charge whose payer and payee stand in two books is nine
/// commits, five of them in the payment's own book, which holds no balance.
///
/// Everything about one intent stands in that book, `payment:{intent}`, so that an
/// operation's key alone leads to it. What is decided about an operation is written there in the
/// same commit as what it does to a transfer. A key is therefore good for one movement for ever, and
/// answered for as long as the book stands: at least two days after it last changed, and until a
/// host's [retention](super::ClosedSettlements) takes it. What is asked after that is put before a person.
/// Only the backend moves anything there: [`Ledger::post`], [`Ledger::void`] and [`Ledger::reverse`] refuse
/// the book, as [`Ledger::transfer`] and [`Ledger::open`] refuse its accounts, since the intent would not
/// learn of it. Whoever manages the ledger captures, cancels and refunds the intent instead.
///
/// To look for an operation that has not come overtakes it: a call that is still on its way is
/// refused when it arrives, and only one that begins afterwards is carried out.
///
/// ```
/// use std::sync::Arc;
/// use mp_core::{Caller, Engine, Scope, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
/// use mp_core::amount::{Currency, Money};
/// use mp_pay::{Payments, method::PaymentMethodToken, payments::{ConfirmIntent, CreateIntent}};
/// use mp_pay::ledger::{FixedAccounts, Ledger, LedgerBackend, NewTransfer, OpenAccount, Side};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
/// # let office = Caller::app("market".parse()?).with_scope(Scope::STAFF);
/// # let mei = Caller::user("market".parse()?, "mei".parse()?);
/// let ledger = Ledger::new(&engine);
/// # let wallet = OpenAccount::wallet("mei/wallet".parse()?, Currency::EUR.into(), "mei".parse()?);
/// # let bank = OpenAccount::own("house/bank".parse()?, Currency::EUR.into(), Side::Debit);
/// # let till = OpenAccount::own("house/till".parse()?, Currency::EUR.into(), Side::Credit);
/// # for account in [&wallet, &bank, &till] { ledger.open(&office, account.clone()).await?; }
/// # let top_up = NewTransfer::of(bank.account, wallet.account, Money::new(20_00, Currency::EUR));
/// # ledger.transfer(&office, Ledger::id_of(&office, &"top-up".parse()?), top_up).await?;
/// let till = Arc::new(FixedAccounts::paid_into("house/till".parse()?));
/// let payments = Payments::new(&engine, Arc::new(LedgerBackend::new(&ledger, till)));
///
/// let noodles = CreateIntent::of(Money::new(12_50, Currency::EUR))
///     .with_payment_method(PaymentMethodToken::new("mei/wallet")?);
/// let intent = payments.create_intent(&mei, noodles, &"order-17".parse()?).await?;
/// let paid = payments.confirm(&mei, ConfirmIntent::of(intent.id), &"order-17".parse()?).await?;
/// assert_eq!(paid.amount_received, Money::new(12_50, Currency::EUR));
/// assert_eq!(ledger.account(&mei, &"mei/wallet".parse()?).await?.posted(), 7_50);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct LedgerBackend {
    ledger: Ledger,
    accounts: Arc<dyn SettlementAccounts>,
    hold_life: Duration,
}

impl LedgerBackend {
    /// Joins the ledger with what the app is paid into.
    #[must_use]
    pub fn new(ledger: &Ledger, accounts: Arc<dyn SettlementAccounts>) -> Self {
        Self {
            ledger: ledger.clone(),
            accounts,
            hold_life: SETTLEMENT_HOLD,
        }
    }

    /// Holds what is not captured at once for so long, from a second to [`PENDING_MAX`]; else for
    /// [`SETTLEMENT_HOLD`].
    #[must_use]
    pub fn with_hold_life(mut self, life: Duration) -> Self {
        self.hold_life = life.clamp(Duration::from_secs(1), PENDING_MAX);
        self
    }

    /// Returns the transfer that a charge or a refund makes, and the book that it stands in.
    #[must_use]
    pub fn transfer_of(app: &AppId, operation: &OperationKey) -> (BookId, TransferId) {
        let book = BookId::of_payment(&operation.intent);
        let id = TransferId::derived(&[app.as_str(), "payment", &operation.to_string()]);
        (book, id)
    }

    /// Carries out what is asked, or answers what became of it before.
    async fn take(&self, op: &'static str, ask: Ask) -> Result<Outcome, BackendError> {
        let before = self.standing(&ask.app, ask.key, ask.charge).await;
        let before = before.map_err(|error| not_acted(op, error))?;
        match before.outcome() {
            Some(outcome) => Ok(outcome),
            None => self.act(op, ask, before.lookups_seen).await,
        }
    }

    /// Carries out what is asked, unless it was looked for more often than the call had seen when it
    /// began.
    async fn act(&self, op: &'static str, ask: Ask, seen: u32) -> Result<Outcome, BackendError> {
        let decide = ask.clone();
        let decided = self
            .ledger
            .engine()
            .run(ask.reads().map_err(|error| not_acted(op, error))?, {
                move |family: &mp_core::Family, now| decide.decide(family, seen, now)
            })
            .await;
        decided.map_err(|error| match Error::from(error) {
            error if error.kind() == ErrorKind::Unknown => unclear(op, error),
            error => not_acted(op, error),
        })?;
        let after = self.carried_out(&ask).await;
        let after = after.map_err(|error| unclear(op, error))?;
        Ok(after.outcome().unwrap_or(Outcome::Unknown))
    }

    /// Tells the other books of what was decided, and returns where it stands then.
    async fn carried_out(&self, ask: &Ask) -> Result<Standing, Error> {
        let standing = Standing::read(&self.ledger, &ask.app, ask.key, ask.charge).await?;
        if let Some(transfer) = standing.transfer() {
            self.ledger.drive(transfer).await;
        }
        Standing::read(&self.ledger, &ask.app, ask.key, ask.charge).await
    }

    /// Returns where an operation stands, after what is on its way was carried on.
    async fn standing(
        &self,
        app: &AppId,
        key: OperationKey,
        charge: OperationKey,
    ) -> Result<Standing, Error> {
        let standing = Standing::read(&self.ledger, app, key, charge).await?;
        let on_its_way = standing.on_its_way();
        if on_its_way.is_empty() {
            return Ok(standing);
        }
        for transfer in on_its_way {
            self.ledger.drive(transfer).await;
        }
        Ok(Standing {
            lookups_seen: standing.lookups_seen,
            ..Standing::read(&self.ledger, app, key, charge).await?
        })
    }
}

/// Returns that this call did nothing; what an earlier one did stands. Whether one did is not known any
/// more once the book was retired, and to call again would find out nothing: a person has to.
fn not_acted(op: &'static str, error: impl Into<Error>) -> BackendError {
    match error.into() {
        retired if is_retired(&retired) => unclear(op, retired),
        error => BackendError::new(BackendErrorKind::Unavailable, op, error),
    }
}

/// Returns that it may have acted.
fn unclear(op: &'static str, error: Error) -> BackendError {
    BackendError::new(BackendErrorKind::Unknown, op, error)
}

#[cfg(test)]
mod tests;
