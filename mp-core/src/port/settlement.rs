use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::port_key;
use crate::{
    amount::Money,
    clock::Timestamp,
    error::Error,
    id::{AppId, UserId},
};

port_key!(
    /// Names one payment that a capability asks for: written down before it is asked, the same after
    /// any crash. 1 to 100 characters of `A-Z a-z 0-9 . _ -`, unique within the app.
    SettlementKey
);

/// Asks for an amount of a payer's money to be secured.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct SecureRequest {
    /// The payment's name.
    pub key: SettlementKey,
    /// The app that is paid.
    pub app: AppId,
    /// Who pays.
    pub payer: UserId,
    /// How much, more than zero.
    pub amount: Money,
    /// From when on securing it is of no use any more.
    pub deadline: Timestamp,
}

/// Why a payer's money could not be secured.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Declined {
    /// A code such as `insufficient_funds`, `expired` or `released`.
    pub code: String,
}

/// What became of a request to secure money.
///
/// `Debug` leaves out what the payer has to do: whoever has it could pay with it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Secured {
    /// The money is held, or already charged.
    Secured,
    /// The payer has to do something first: what, as data for the payer's screen.
    NeedsAction(Value),
    /// It will not be; the answer is final for this key.
    Declined(Declined),
    /// It is not known yet; ask again with the same key.
    Unknown,
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secured => f.write_str("Secured"),
            Self::NeedsAction(_) => f.write_str("NeedsAction(***)"),
            Self::Declined(declined) => f.debug_tuple("Declined").field(declined).finish(),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// What became of a request to settle secured money.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// The money has been taken.
    Settled,
    /// It can no longer be taken; the answer is final for this key.
    Declined(Declined),
    /// It is not known yet; ask again with the same key.
    Unknown,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettlementStatus {
    /// Nothing was asked for under this key.
    Unseen,
    /// It was asked for and is not known yet, or waits for the payer.
    Pending,
    /// The money is secured.
    Secured,
    /// The money was taken.
    Settled,
    /// It was declined.
    Declined,
    /// It was released: nothing is held, and what was taken is given back or on its way back.
    Released,
}

/// What is learnt later about a payment, by a webhook or by asking again.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// The app that is paid.
    pub app: AppId,
    /// The payment's name.
    pub key: SettlementKey,
    /// Where it stands now.
    pub status: SettlementStatus,
}

/// Secures, settles and releases payers' money for another capability.
///
/// `secure` authorises where the payment backend can; where it cannot it charges, and `release`
/// then gives the money back.
///
/// # Contract
/// 1. *Idempotent.* Every call may be repeated with the same key; money moves once.
/// 2. *Fenced.* After `release(key)`, whatever still arrives for the key is refused or given back;
///    releasing a key that was never seen makes `secure` refuse it later.
/// 3. *Bounded.* What is given back in all never exceeds what was taken.
/// 4. *Told.* What is learnt after a call has answered is told to the [`SettlementListener`], at
///    least once; what `release` or `give_back` has said yes to and could not be given back is put
///    before a person.
#[async_trait]
pub trait Settlement: fmt::Debug + Send + Sync + 'static {
    /// Secures money; asked again, tells where it stands.
    ///
    /// # Errors
    ///
    /// `invalid_field` for a request that can never succeed; `idempotency_conflict` for a key that
    /// was used with another request; else transient: ask again with the same key.
    async fn secure(&self, request: &SecureRequest) -> Result<Secured, Error>;

    /// Takes secured money.
    ///
    /// # Errors
    ///
    /// `not_found` for a key never secured; else transient: ask again.
    async fn settle(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error>;

    /// Lets go of secured money, and gives back what was taken.
    ///
    /// # Errors
    ///
    /// Only transient ones: ask again.
    async fn release(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error>;

    /// Gives back part of what was taken, once per `part`. `Ok` means that it is given back or on its
    /// way; should it be declined after that, a person is told, and the part stays so for whoever asks again
    /// until that person has let go of it: found, once it was known to be declined, that it stays so.
    ///
    /// # Errors
    ///
    /// `not_found`; `refused` if it is more than is left, or was declined: take another part; else
    /// transient: ask again for the same part.
    async fn give_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error>;

    /// Tells where a payment stands.
    ///
    /// # Errors
    ///
    /// Only transient ones.
    async fn status(&self, app: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error>;
}

/// Hears what is learnt later about payments that it asked for.
///
/// # Contract
/// 1. *Idempotent.* A fact may be told several times, and late.
#[async_trait]
pub trait SettlementListener: fmt::Debug + Send + Sync + 'static {
    /// Takes a fact; `Ok` means that it need not be told again.
    ///
    /// # Errors
    ///
    /// Any; the fact is told again after a pause.
    async fn learnt(&self, fact: &Fact) -> Result<(), Error>;
}
