use std::fmt;

use async_trait::async_trait;
use mp_core::{
    Error,
    amount::Currency,
    id::{AppId, UserId},
};

use crate::ledger::{AccountId, BookId};

/// Tells which accounts stored value is paid from and paid into; the host supplies it.
#[async_trait]
pub trait SettlementAccounts: fmt::Debug + Send + Sync + 'static {
    /// Returns the account that a payer pays from in a currency, if there is one. It counts only if
    /// the payer [owns](crate::ledger::Account::owner) it.
    ///
    /// # Errors
    ///
    /// Transient ones: it is asked again.
    async fn payer(
        &self,
        app: &AppId,
        payer: &UserId,
        currency: Currency,
    ) -> Result<Option<AccountId>, Error>;

    /// Returns the account that the app is paid into in a currency, if there is one.
    ///
    /// # Errors
    ///
    /// Transient ones: it is asked again.
    async fn payee(&self, app: &AppId, currency: Currency) -> Result<Option<AccountId>, Error>;
}

/// One account that the app is paid into, and payers' accounts that all have the same name.
///
/// ```
/// use mp_pay::ledger::FixedAccounts;
///
/// // Mei pays from `mei/wallet`.
/// let accounts = FixedAccounts::paid_into("house/till".parse()?).from_each("wallet");
/// # Ok::<(), mp_pay::ledger::ParseAccountError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FixedAccounts {
    payee: AccountId,
    of_payers: Option<String>,
}

impl FixedAccounts {
    /// Pays the app into this account, in the currency that it counts.
    #[must_use]
    pub const fn paid_into(payee: AccountId) -> Self {
        Self {
            payee,
            of_payers: None,
        }
    }

    /// Pays from the account of this name in the book that is named like the payer.
    #[must_use]
    pub fn from_each(mut self, name: &str) -> Self {
        self.of_payers = Some(name.to_owned());
        self
    }
}

#[async_trait]
impl SettlementAccounts for FixedAccounts {
    async fn payer(
        &self,
        _: &AppId,
        payer: &UserId,
        _: Currency,
    ) -> Result<Option<AccountId>, Error> {
        let of_payer = |name: &String| BookId::new(payer.as_str()).ok()?.account(name).ok();
        Ok(self.of_payers.as_ref().and_then(of_payer))
    }

    async fn payee(&self, _: &AppId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(Some(self.payee.clone()))
    }
}
