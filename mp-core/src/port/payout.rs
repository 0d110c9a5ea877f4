use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Declined, key::port_key};
use crate::{
    amount::Money,
    error::Error,
    id::{AppId, UserId},
    label::Label,
};

port_key!(
    /// Names one payout that a capability asks for: written down before it is asked, the same after
    /// any crash. 1 to 100 characters of `A-Z a-z 0-9 . _ -`, unique within the app.
    PayoutKey
);

/// Where money is to be sent: a reference that whoever pays out knows, such as a saved bank account
/// or a wallet; never an account number.
///
/// 1 to 255 visible ASCII characters. Whoever holds it may be able to send money there: `Debug` does
/// not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Destination(String);

impl Destination {
    /// The longest destination, in bytes.
    pub const LENGTH_MAX: usize = 255;

    /// Checks and keeps a destination.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is empty, too long, or not visible ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(Error::invalid("destination", EXPECTED))
        }
    }

    /// Returns the text, for whoever pays out.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const EXPECTED: &str = "is not 1 to 255 visible ASCII characters";

impl std::str::FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Destination(***)")
    }
}

crate::text_form!(
    Destination,
    expected: "1 to 255 visible ASCII characters",
    pattern: "^[!-~]{1,255}$"
);

/// Who is paid.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Receiver {
    /// A user of the app: the host knows where their money goes.
    User {
        /// Which.
        user: UserId,
    },
    /// Whoever is behind a destination, such as a courier's account.
    Destination {
        /// Where the money goes.
        destination: Destination,
    },
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

impl Receiver {
    /// Names a user of the app.
    #[must_use]
    pub const fn user(user: UserId) -> Self {
        Self::User { user }
    }

    /// Names whoever is behind a destination.
    #[must_use]
    pub const fn destination(destination: Destination) -> Self {
        Self::Destination { destination }
    }
}

/// Asks for somebody to be paid.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct PayoutRequest {
    /// The payout's name.
    pub key: PayoutKey,
    /// The app that pays.
    pub app: AppId,
    /// Who is paid.
    pub receiver: Receiver,
    /// How much, more than zero.
    pub amount: Money,
    /// What for, as the receiver may read it.
    pub reason: Label,
}

/// What became of a request to pay somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaidOut {
    /// The money is with the receiver. It may come back later: see [`PayoutStatus::Returned`].
    Paid,
    /// It is on its way, and will be known later.
    Accepted,
    /// It was not paid, or has come back; the answer is final for this key.
    Declined(Declined),
    /// It is not known yet; ask again with the same key.
    Unknown,
}

/// Where a payout stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PayoutStatus {
    /// Nothing was asked for under this key.
    Unseen,
    /// It was asked for and is not known yet.
    Pending,
    /// The money is with the receiver.
    Paid,
    /// It was declined.
    Declined,
    /// It was paid and has come back, such as from an account that was closed.
    Returned,
    /// It was called off before it was sent.
    Canceled,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

impl fmt::Display for PayoutStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unseen => "unseen",
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Returned => "returned",
            Self::Canceled => "canceled",
            Self::Unrecognized => "in a state not known here",
        })
    }
}

/// Pays people for another capability: rewards, couriers, receivers of a share.
///
/// # Contract
/// 1. *Idempotent.* Every call may be repeated with the same key; money moves once.
/// 2. *Final.* What was declined, returned or called off stays so: to pay after all takes another
///    key. What was paid may be returned later, once.
/// 3. *Exact.* What is paid is the amount that was asked for, or a person looks at it.
/// 4. *Carried on.* What was accepted, or is unknown, is carried on without being asked for again;
///    `status` tells where it stands.
#[async_trait]
pub trait Payout: fmt::Debug + Send + Sync + 'static {
    /// Pays somebody; asked again, tells where it stands.
    ///
    /// # Errors
    ///
    /// `invalid_field` for a request that can never succeed; `idempotency_conflict` for a key that
    /// was used with another request; else transient: ask again with the same key.
    async fn pay_out(&self, request: &PayoutRequest) -> Result<PaidOut, Error>;

    /// Tells where a payout stands.
    ///
    /// # Errors
    ///
    /// Only transient ones.
    async fn status(&self, app: &AppId, key: &PayoutKey) -> Result<PayoutStatus, Error>;
}
