//! The payment backend: what moves the money, supplied by the host.

mod error;
mod outcome;
pub mod sandbox;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use mp_core::{amount::Money, id::AppId};

pub use self::{
    error::{BackendError, BackendErrorKind},
    outcome::{DeclineCode, Lookup, NextAction, Outcome, Reference},
};
use crate::{method::PaymentMethodToken, operation::OperationKey};

/// What a backend can do; asked before anything is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// For how long the same key, sent again, is answered with what became of it the first time;
    /// `None` if sending again may act again. Stripe promises 24 hours.
    pub replays_keys: Option<Duration>,
    /// Whether [`PaymentBackend::lookup`] finds operations by their key, as WeChat Pay does by
    /// `out_trade_no`.
    pub answers_queries: bool,
    /// Whether money can be held first and taken later.
    pub separate_capture: bool,
    /// Whether less than everything can be refunded.
    pub partial_refund: bool,
}

impl Capabilities {
    /// Returns the abilities of a backend that can neither replay nor be asked, but does hold
    /// money and refund parts.
    #[must_use]
    pub const fn neither() -> Self {
        Self {
            replays_keys: None,
            answers_queries: false,
            separate_capture: true,
            partial_refund: true,
        }
    }

    /// Replays keys within this window.
    #[must_use]
    pub const fn with_replay(mut self, window: Duration) -> Self {
        self.replays_keys = Some(window);
        self
    }

    /// Answers queries by key.
    #[must_use]
    pub const fn with_queries(mut self) -> Self {
        self.answers_queries = true;
        self
    }

    /// Takes money at once or not at all.
    #[must_use]
    pub const fn without_separate_capture(mut self) -> Self {
        self.separate_capture = false;
        self
    }

    /// Refunds everything or nothing.
    #[must_use]
    pub const fn without_partial_refund(mut self) -> Self {
        self.partial_refund = false;
        self
    }
}

/// Asks for a payer's money.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChargeRequest {
    /// The key of this charge: the same after any crash.
    pub key: OperationKey,
    /// The app that is paid.
    pub app: AppId,
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
///    says that it surely did not act.
/// 5. *Final.* `Settled`, `Authorized` and `Declined` never change afterwards, but for a hold that
///    is captured, voided or lapses.
/// 6. *Bounded.* A call that takes longer than the time given by
///    [`PaymentsOptions::call_max`](crate::PaymentsOptions::call_max) is dropped and counts as
///    unknown.
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

    /// Takes `amount` of what a charge holds, and lets go of the rest.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    async fn capture(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError>;

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
