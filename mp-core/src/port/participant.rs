use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::{clock::Timestamp, error::Error, id::AppId};

/// What became of a request to reserve something.
///
/// `Debug` leaves out what somebody has to do first: of a payment, whoever has it could pay with it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reserved {
    /// It is held until the time asked for.
    Reserved,
    /// It is not decided yet: somebody has to do something first (what, as data for a screen), or
    /// the answer is on its way. Asking again tells.
    Pending(Value),
    /// It is not to be had; the answer is final for this key, and kept. The code says why.
    Refused(String),
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved => f.write_str("Reserved"),
            Self::Pending(_) => f.write_str("Pending(***)"),
            Self::Refused(code) => f.debug_tuple("Refused").field(code).finish(),
        }
    }
}

/// What became of a request to confirm a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmed {
    /// It is kept for good.
    Confirmed,
    /// The answer is on its way. Asking again tells.
    Pending,
    /// It had lapsed or was released; the answer is final for this key. The code says why.
    Refused(String),
}

/// Something that a plan over several partitions reserves, confirms and releases: stock, a seat, a
/// payment.
///
/// # Contract
/// 1. *Idempotent.* Every call may be repeated with the same key, after any lost answer.
/// 2. *Fenced.* After `release(key)`, a `reserve` or `confirm` with that key is `Refused`, also if
///    the key had never been seen.
/// 3. *Kept.* What was reserved until a time can be confirmed before it, unless it was released.
/// 4. *Undone.* Releasing what was confirmed undoes it.
/// 5. *Final.* Once a `reserve` was refused, every later one with that key is. Two processes may ask
///    at once, one of them stalled: a refusal that is not kept may reach the plan after the other's
///    success, and nobody would release what it holds.
#[async_trait]
pub trait Participant: fmt::Debug + Send + Sync + 'static {
    /// Returns the name by which plans call it, such as `stock`.
    fn name(&self) -> &'static str;

    /// Holds what `request` says until a time.
    ///
    /// # Errors
    ///
    /// Transient ones, also for an unknown outcome: the call is repeated with the same key.
    /// `invalid_field` and other errors that no repetition mends end the plan as `Refused` does; but
    /// since an error is not kept, and tells nothing of what earlier calls hold, the key is released.
    async fn reserve(
        &self,
        app: &AppId,
        key: &str,
        request: &Value,
        until: Timestamp,
    ) -> Result<Reserved, Error>;

    /// Keeps what was reserved.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    async fn confirm(&self, app: &AppId, key: &str) -> Result<Confirmed, Error>;

    /// Lets go of what was reserved, and undoes what was confirmed; a key that nothing is held under,
    /// or ever can be, is `Ok`.
    ///
    /// # Errors
    ///
    /// Only transient ones: the call is repeated until it succeeds.
    async fn release(&self, app: &AppId, key: &str) -> Result<(), Error>;
}
