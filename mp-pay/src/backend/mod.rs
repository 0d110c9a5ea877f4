//! The payment backend: what moves the money, supplied by the host.

mod action;
mod capabilities;
mod error;
mod minor_units;
mod outcome;
pub mod sandbox;

use std::fmt;

use async_trait::async_trait;
use mp_core::{
    amount::Money,
    id::{AppId, UserId},
};

pub use self::{
    action::{NextAction, NextActionKind},
    capabilities::{Capabilities, WebhookTrust},
    error::{BackendError, BackendErrorKind},
    minor_units::{MinorUnits, MinorUnitsError, Rule},
    outcome::{DeclineCode, Lookup, Outcome, Reference},
};
use crate::{method::PaymentMethodToken, operation::OperationKey};

/// Asks for a payer's money.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChargeRequest {
    /// The key of this charge: the same after any crash.
    pub key: OperationKey,
    /// The app that is paid.
    pub app: AppId,
    /// Whose money it is: a backend that keeps payment methods itself refuses one that is not theirs.
    pub payer: UserId,
    /// How much, more than zero.
    pub amount: Money,
    /// What with.
    pub payment_method: PaymentMethodToken,
    /// Whether to take the money at once; otherwise it is held.
    pub capture: bool,
}

/// Points at an earlier charge.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Charged {
    /// The app that is paid.
    pub app: AppId,
    /// The key the charge was made under.
    pub key: OperationKey,
    /// The backend's name for it, where it has told one.
    pub reference: Option<Reference>,
}

/// Asks for money that a charge holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CaptureRequest {
    /// The key of this capture.
    pub key: OperationKey,
    /// The charge that holds the money.
    pub charge: Charged,
    /// How much, more than zero and no more than is still held.
    pub amount: Money,
    /// Whether it is the last: the rest of the hold is let go.
    pub last: bool,
}

/// Asks for a hold to be raised.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IncreaseRequest {
    /// The key of this increase.
    pub key: OperationKey,
    /// The charge that holds the money.
    pub charge: Charged,
    /// How much is to be held in all.
    pub total: Money,
}

/// Moves money, in whatever way the host is paid.
///
/// # Contract
/// 1. *At most once.* One call acts at most once.
/// 2. *Replayed.* If [`Capabilities::replays_keys`] names a window, a call repeated within it under
///    the same key does not act again and answers what became of the first.
/// 3. *Answered.* If [`Capabilities::answers_queries`], `lookup` finds every operation that acted.
///    It answers [`Lookup::NotFound`] only if no earlier call under the key acted or still can;
///    else, when in doubt, [`Lookup::CannotTell`].
/// 4. *Honest.* A call that ends without telling whether it acted is [`Outcome::Unknown`] or an
///    error of kind [`BackendErrorKind::Unknown`], never a decline. [`BackendErrorKind::Unavailable`]
///    and [`BackendErrorKind::Unsupported`] say that it surely did not act.
/// 5. *Final.* `Settled`, `Authorized` and `Declined` never change afterwards, but for a hold that
///    is captured, raised, voided or lapses, and for a refund that is `Settled`: it may be
///    `Declined` later, once, if what was given back has come back.
/// 6. *Bounded.* A call that takes longer than the time given by
///    [`PaymentsOptions::call_max`](crate::PaymentsOptions::call_max) is dropped and counts as
///    unknown.
/// 7. *Exact.* An amount that the backend counts otherwise than ISO 4217 goes through
///    [`Capabilities::minor_units`]; an amount in an outcome is what has moved, in our minor units.
/// 8. *Declared.* What [`Capabilities`] does not declare is answered with
///    [`BackendErrorKind::Unsupported`] before anything is sent, and a payer is asked for nothing
///    but [`Capabilities::next_actions`]; the payer never sees what else is asked for, and a person
///    has to look.
/// 9. *Each by its key.* What an outcome tells of a capture, an increase, a void or a refund is told
///    under the key of that, never under its charge's.
#[async_trait]
pub trait PaymentBackend: fmt::Debug + Send + Sync + 'static {
    /// Returns what this backend can do.
    fn capabilities(&self) -> Capabilities;

    /// Takes or holds a payer's money.
    ///
    /// # Errors
    ///
    /// [`BackendError`]; an outcome that stays open is of kind [`BackendErrorKind::Unknown`].
    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError>;

    /// Takes some of what a charge holds; if it is the last time, lets go of the rest.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError>;

    /// Raises what a charge holds to a new total. Declined, it leaves the hold as it was.
    ///
    /// Only called if [`Capabilities::increases_max`] is more than zero; a backend that leaves that
    /// at zero need not implement it.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    async fn increase(&self, _: &IncreaseRequest) -> Result<Outcome, BackendError> {
        let kind = BackendErrorKind::Unsupported;
        Err(BackendError::new(kind, "increase", "it raises no holds"))
    }

    /// Lets go of what a charge holds, or gives up a charge that waits for the payer: it will take
    /// nothing any more. Declined if the money was taken already.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError>;

    /// Gives back `amount` of what a charge has taken.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError>;

    /// Tells what became of an operation, by its key.
    ///
    /// # Errors
    ///
    /// Any [`BackendError`]: it is asked again later.
    async fn lookup(&self, app: &AppId, key: &OperationKey) -> Result<Lookup, BackendError>;
}
