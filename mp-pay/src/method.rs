//! How a payer pays: a reference that the payment backend knows, never card data.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use mp_core::{
    Error,
    id::{AppId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::visible_ascii;

/// Refers to a payment method that the backend keeps: a saved card, a wallet, an account.
///
/// 1 to 255 visible ASCII characters. It is no card data, but whoever holds it may be able to
/// charge: `Debug` does not show it.
#[derive(Clone, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PaymentMethodToken(String);

impl PaymentMethodToken {
    /// Checks and keeps a token.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is empty, longer than 255 bytes, or not visible ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        visible_ascii("payment_method", text.into()).map(Self)
    }

    /// Returns the text, for the backend.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaymentMethodToken {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<PaymentMethodToken> for String {
    fn from(token: PaymentMethodToken) -> Self {
        token.0
    }
}

impl fmt::Debug for PaymentMethodToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMethodToken(***)")
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
    async fn method_of(
        &self,
        app: &AppId,
        payer: &UserId,
    ) -> Result<Option<PaymentMethodToken>, Error>;
}

/// Payment methods held in memory: one for everybody, or one per user.
#[derive(Clone, Debug, Default)]
pub struct FixedMethods {
    everybody: Option<PaymentMethodToken>,
    by_user: BTreeMap<UserId, PaymentMethodToken>,
}

impl FixedMethods {
    /// Gives everybody the same payment method.
    #[must_use]
    pub const fn everybody(token: PaymentMethodToken) -> Self {
        Self {
            everybody: Some(token),
            by_user: BTreeMap::new(),
        }
    }

    /// Gives one user a payment method of their own.
    #[must_use]
    pub fn with(mut self, user: UserId, token: PaymentMethodToken) -> Self {
        self.by_user.insert(user, token);
        self
    }
}

#[async_trait]
impl PaymentMethods for FixedMethods {
    async fn method_of(
        &self,
        _: &AppId,
        payer: &UserId,
    ) -> Result<Option<PaymentMethodToken>, Error> {
        let own = self.by_user.get(payer).or(self.everybody.as_ref());
        Ok(own.cloned())
    }
}
