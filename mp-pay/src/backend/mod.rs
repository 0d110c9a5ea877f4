//! The payment backend: what moves the money, supplied by the host.

mod action;
mod capabilities;
mod error;
mod lookup;
mod minor_units;
mod outcome;
mod queries;
mod request;
pub mod sandbox;

use std::fmt;

use async_trait::async_trait;
use mp_core::amount::Money;

pub use self::{
    action::{ACTION_DEPTH_MAX, ACTION_LENGTH_MAX, NextAction, NextActionKind},
    capabilities::{Capabilities, WebhookTrust},
    error::{BackendError, BackendErrorKind},
    lookup::{Lookup, LookupRequest},
    minor_units::{MinorUnits, MinorUnitsError, Rule},
    outcome::{DeclineCode, Outcome, Reference},
    queries::Queries,
    request::{CaptureRequest, ChargeRequest, Charged, IncreaseRequest},
};
use crate::operation::OperationKey;

/// Moves money, in whatever way the host is paid.
///
/// # Contract
///
/// Each number is tried by the clauses of that number in the conformance kit, `mp_pay::conformance`.
///
/// 1. *At most once.* One call acts at most once, and moves the amount of its request, whatever else
///    is called at the same time.
/// 2. *Replayed.* If [`Capabilities::replays_keys`] names a window, a call repeated within it under
///    the same key does not act again and answers what became of the first, a decline as well as a
///    success; one that finds by its own names alone may answer what the first was answered, with its
///    name, whatever has become of it since. So it does if both come at once. If the first did not
///    arrive, the second acts. If the second has another amount, it moves nothing: it is answered as
///    the first, or fails.
/// 3. *Answered.* By what [`Capabilities::queries`] names, `lookup` finds every operation that acted:
///    a charge, a capture, an increase, a void and a refund, each by its key, or each by the name that
///    it was told with. It answers [`Lookup::NotFound`] only if no earlier call under the key acted or
///    still can; else, when in doubt or without a name that it would have to have,
///    [`Lookup::CannotTell`]. Where it remembers keys that may be its answer for good, of anything but a
///    charge: the key is sent again. It does nothing but look.
/// 4. *Honest.* A call that ends without telling whether it acted is [`Outcome::Unknown`] or an
///    error of kind [`BackendErrorKind::Unknown`], never a decline. [`BackendErrorKind::Unavailable`]
///    and [`BackendErrorKind::Unsupported`] say that it surely did not act. What is told as done was
///    done.
/// 5. *Final.* `Settled`, `Authorized` and `Declined` never change afterwards, but for a hold that
///    is captured, raised, voided or lapses, and for a refund that is `Settled`: it may be
///    `Declined` later, once, if what was given back has come back. A charge that is refunded stays
///    `Settled`, and a hold that is captured never becomes `Declined`.
/// 6. *Bounded.* A call that takes longer than the time given by
///    [`PaymentsOptions::call_max`](crate::PaymentsOptions::call_max) is dropped and counts as
///    unknown. Dropped at any moment, it acts once or not at all, what became of it is found out
///    like any other unknown outcome, and it keeps no other call waiting.
/// 7. *Exact.* An amount that the backend counts otherwise than ISO 4217 goes through
///    [`Capabilities::minor_units`]; an amount in an outcome is what this operation has moved, above
///    zero, in our minor units; of a hold and an increase it is what is held in all.
/// 8. *Declared.* What [`Capabilities`] declares is done. What it does not declare, as far as the
///    request shows it, is answered with [`BackendErrorKind::Unsupported`] before anything is sent:
///    a hold, a capture, an increase, a capture that leaves something for another, an amount that is
///    not counted. A payer is asked for nothing but [`Capabilities::next_actions`], and for nothing
///    that is not [safe](NextAction::is_safe), whether by an answer, a lookup or a webhook; the payer
///    never sees what else is asked for, and a person has to look. It declares the same each time.
/// 9. *Each by its key.* What an outcome tells of a capture, an increase, a void or a refund is told
///    under the key of that, never under its charge's; a charge that was voided is never `Settled`.
/// 10. *Covered.* Captures come to no more than what is held, and refunds of a charge to no more than
///     it has taken, however many are asked for at once: what is beyond is declined. After the last
///     capture, and after a void, nothing is held and nothing is captured; what was taken already is
///     not voided.
/// 11. *Discreet.* Neither `Debug`, nor an error, nor an outcome shows a secret of the backend's or
///     what a payer pays with.
/// 12. *Theirs.* A backend that keeps payers' payment methods itself declines a charge with one that
///     is not [the payer's](ChargeRequest::payer), as one that is not there. (One that takes whatever
///     comes with a token, as a card terminal does, keeps none.)
/// 13. *Named.* A [`Reference`] is the backend's own name for one operation. One that is told while
///     the operation is [open](Outcome::NeedsAction) is the one that is told with what follows under
///     the same key, and comes back in later requests: in [`Charged::reference`] and in
///     [`LookupRequest::reference`]. It helps to find what the key stands for and nothing else: a
///     lookup tells under a key no outcome of another operation, whatever name it is asked by.
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
    /// Only called if [`Capabilities::increases_max`] is more than zero; a backend that
    /// [sets](Capabilities::with_increases) that to zero need not implement it, and one that does not
    /// implement it has to.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    async fn increase(&self, _: &IncreaseRequest) -> Result<Outcome, BackendError> {
        let kind = BackendErrorKind::Unsupported;
        Err(BackendError::new(kind, "increase", "it raises no holds"))
    }

    /// Lets go of what a charge holds, or gives up a charge that waits for the payer: it will take
    /// nothing any more. Declined if the money was taken already, and where the provider cannot give up
    /// what waits: what comes of that is told later, like any other outcome.
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

    /// Tells what became of an operation, by its key, or by the backend's own name for it where that
    /// is known.
    ///
    /// # Errors
    ///
    /// Any [`BackendError`]: it is asked again later.
    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError>;
}
