//! How a payer pays: a reference that the payment backend knows, never card data.

mod card_number;
mod country;
mod method_type;
pub(crate) mod stored;
mod token;

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use mp_core::{
    Error,
    id::{AppId, UserId},
};

pub use self::{country::Country, method_type::PaymentMethodType, token::PaymentMethodToken};

/// What a payer pays with, and what routing rules may go by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentMethod {
    /// What the backend is given.
    pub token: PaymentMethodToken,
    /// Of which type it is, if the host says.
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, if the host says.
    pub country: Option<Country>,
}

impl PaymentMethod {
    /// Says of which type it is.
    #[must_use]
    pub fn of_type(mut self, payment_method_type: PaymentMethodType) -> Self {
        self.payment_method_type = Some(payment_method_type);
        self
    }

    /// Says which country the payer is in.
    #[must_use]
    pub const fn in_country(mut self, country: Country) -> Self {
        self.country = Some(country);
        self
    }
}

impl From<PaymentMethodToken> for PaymentMethod {
    /// Says nothing but the token.
    fn from(token: PaymentMethodToken) -> Self {
        Self {
            token,
            payment_method_type: None,
            country: None,
        }
    }
}

/// Knows what a payer pays with when another capability asks for their money; the host supplies it.
///
/// # Contract
/// 1. *Steady.* The answer may change between payments; within one it is asked for once.
#[async_trait]
pub trait PaymentMethods: fmt::Debug + Send + Sync + 'static {
    /// Returns the payer's payment method, `None` if they have none.
    ///
    /// # Errors
    ///
    /// Any; the payment is asked for again later.
    async fn method_of(&self, app: &AppId, payer: &UserId) -> Result<Option<PaymentMethod>, Error>;
}

/// Payment methods held in memory: one for everybody, or one per user.
#[derive(Clone, Debug, Default)]
pub struct FixedMethods {
    everybody: Option<PaymentMethod>,
    by_user: BTreeMap<UserId, PaymentMethod>,
}

impl FixedMethods {
    /// Gives everybody the same payment method.
    #[must_use]
    pub fn everybody(method: impl Into<PaymentMethod>) -> Self {
        Self {
            everybody: Some(method.into()),
            by_user: BTreeMap::new(),
        }
    }

    /// Gives one user a payment method of their own.
    #[must_use]
    pub fn with(mut self, user: UserId, method: impl Into<PaymentMethod>) -> Self {
        self.by_user.insert(user, method.into());
        self
    }
}

#[async_trait]
impl PaymentMethods for FixedMethods {
    async fn method_of(&self, _: &AppId, payer: &UserId) -> Result<Option<PaymentMethod>, Error> {
        let own = self.by_user.get(payer).or(self.everybody.as_ref());
        Ok(own.cloned())
    }
}
