//! How a token is read that stands in a store: as it was taken once, whatever is refused since.

use serde::{Deserialize, Deserializer, de::Error};

use super::PaymentMethodToken;

pub(crate) fn token<'de, D>(from: D) -> Result<PaymentMethodToken, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    PaymentMethodToken::kept(text).map_err(D::Error::custom)
}

pub(crate) fn token_if_any<'de, D>(from: D) -> Result<Option<PaymentMethodToken>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = Option::<String>::deserialize(from)?;
    let token = text.map(PaymentMethodToken::kept).transpose();
    token.map_err(D::Error::custom)
}
