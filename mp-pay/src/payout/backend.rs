use std::{fmt, time::Duration};

use async_trait::async_trait;
use mp_core::{amount::Money, id::AppId, label::Label, port::Destination};

use super::PayoutId;
use crate::backend::{
    BackendError, Capabilities, Lookup, MinorUnits, Outcome, Queries, Reference, WebhookTrust,
};

/// Asks a backend to pay somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayoutInstruction {
    /// The payout's id, the same after any crash: its idempotency key and our reference there. Its
    /// 29 characters are within the 32 that WeChat Pay takes as an `out_bill_no`.
    pub id: PayoutId,
    /// The app that pays.
    pub app: AppId,
    /// Where the money goes.
    pub destination: Destination,
    /// How much, more than zero.
    pub amount: Money,
    /// What for, as the receiver may read it.
    pub reason: Label,
}

impl PayoutInstruction {
    /// Asks for this much to be paid to a destination.
    #[must_use]
    pub const fn of(
        app: AppId,
        id: PayoutId,
        destination: Destination,
        amount: Money,
        reason: Label,
    ) -> Self {
        Self {
            id,
            app,
            destination,
            amount,
            reason,
        }
    }
}

/// Asks what became of a payout, by every name that it is known by.
///
/// It is about the payout of its [`id`](Self::id), whatever else it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayoutLookupRequest {
    /// The id that it was asked for under: WeChat Pay finds it by that, as `out_bill_no`.
    pub id: PayoutId,
    /// The app that pays.
    pub app: AppId,
    /// The backend's own name for it, where it has told one, while it was open or with what became of
    /// it: at Stripe and PayPal what is asked for, such as `GET /v1/payouts/{id}`. None if no answer
    /// came. It may be the name in a hint, which anybody may have sent, [as for
    /// payments](crate::backend::LookupRequest::reference).
    pub reference: Option<Reference>,
}

impl PayoutLookupRequest {
    /// Asks by our id alone.
    #[must_use]
    pub const fn of(app: AppId, id: PayoutId) -> Self {
        Self {
            id,
            app,
            reference: None,
        }
    }

    /// Asks by the backend's own name for the payout too.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Returns whether an outcome has the name that is asked about; one that tells none may have it.
    ///
    /// Where it has another, the request names two payouts, and neither is to be told as the other:
    /// that is [`Lookup::CannotTell`].
    #[must_use]
    pub fn fits(&self, found: &Outcome) -> bool {
        let named = self.reference.as_ref().zip(found.reference());
        named.is_none_or(|(asked, told)| asked == told)
    }
}

/// What a payout backend can do. What gets out of an unknown outcome follows from the first two, as
/// [for payments](crate::backend::Capabilities).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayoutCapabilities {
    /// For how long the same id, sent again, is answered with what became of it the first time, or,
    /// where [`queries`](Self::queries) find it by its name, with what was answered then; `None` if
    /// sending again may pay again.
    pub replays_keys: Option<Duration>,
    /// By which names [`PayoutBackend::lookup_payout`] finds payouts: by their id, which is their key,
    /// or by those that the backend has told.
    pub queries: Queries,
    /// How far what the backend tells by itself is believed.
    pub webhooks: WebhookTrust,
    /// How it counts amounts; what it cannot count is refused.
    pub minor_units: MinorUnits,
}

impl PayoutCapabilities {
    /// Returns the abilities of a backend that can neither replay nor be asked.
    #[must_use]
    pub const fn neither() -> Self {
        Self {
            replays_keys: None,
            queries: Queries::None,
            webhooks: WebhookTrust::Signed,
            minor_units: MinorUnits::ISO_4217,
        }
    }

    /// Replays ids within this window.
    #[must_use]
    pub const fn with_replay(mut self, window: Duration) -> Self {
        self.replays_keys = Some(window);
        self
    }

    /// Answers queries by id, and by its own names.
    #[must_use]
    pub const fn with_queries(mut self) -> Self {
        self.queries = Queries::ByKey;
        self
    }

    /// Answers queries by its own names alone.
    #[must_use]
    pub const fn with_queries_by_reference(mut self) -> Self {
        self.queries = Queries::ByReference;
        self
    }

    /// Is believed this far when it tells something by itself.
    #[must_use]
    pub const fn with_webhooks(mut self, trust: WebhookTrust) -> Self {
        self.webhooks = trust;
        self
    }

    /// Counts amounts like this.
    #[must_use]
    pub const fn with_minor_units(mut self, units: MinorUnits) -> Self {
        self.minor_units = units;
        self
    }

    /// Returns what operations are recovered by.
    pub(super) const fn recovery(self) -> Capabilities {
        let mut can = Capabilities::neither();
        can.replays_keys = self.replays_keys;
        can.queries = self.queries;
        can
    }
}

/// Sends money to people, in whatever way the host pays them.
///
/// # Contract
///
/// Each number is tried by the clauses of that number in the conformance kit,
/// `mp_pay::conformance::payouts`, of which `mp_pay::payout_conformance!(MyPayouts)` makes tests.
///
/// 1. *At most once.* One call pays at most once, and the amount of its instruction, whatever else is
///    called at the same time. What is declined pays nothing.
/// 2. *Replayed.* If [`PayoutCapabilities::replays_keys`] names a window, a call repeated within it
///    under the same id does not pay again and answers what became of the first, a decline as well
///    as a success; one that finds by its own names alone may answer what the first was answered, with
///    its name, whatever has become of it since. So it does if both come at once. If the first did
///    not arrive, the second pays. If the second has another amount, it pays nothing: it is answered
///    as the first, or fails.
/// 3. *Answered.* By what [`PayoutCapabilities::queries`] names, `lookup_payout` finds every payout
///    that was made: by its id, or by the name that it was told with. It answers [`Lookup::NotFound`]
///    only if no earlier call under the id paid or still can; else, when in doubt or without a name
///    that it would have to have, [`Lookup::CannotTell`]. Of a payout that is under way it tells no
///    end that it does not come to. It does nothing but look.
/// 4. *Honest.* A call that ends without telling whether it paid is [`Outcome::Unknown`] or an error
///    of kind [`Unknown`](crate::backend::BackendErrorKind::Unknown), never a decline;
///    [`Unavailable`](crate::backend::BackendErrorKind::Unavailable) and
///    [`Unsupported`](crate::backend::BackendErrorKind::Unsupported) say that it surely did not pay.
///    What is told as paid was paid.
/// 5. *Final.* `Declined` never changes afterwards; `Settled` may be `Declined` later, once, if the
///    money has come back.
/// 6. *Bounded.* A call that takes longer than
///    [`PayoutsOptions::call_max`](super::PayoutsOptions::call_max) is dropped and counts as unknown.
///    Dropped at any moment, it pays once or not at all, what became of it is found out like any
///    other unknown outcome, and it keeps no other call waiting.
/// 7. *Exact.* An amount that the backend counts otherwise than ISO 4217 goes through
///    [`PayoutCapabilities::minor_units`]; an amount in an outcome is what has moved, in our minor
///    units.
/// 8. *Unattended.* Nobody has to act for a payout: one that asks somebody to is put before a person.
///    That it is authorized means no more than that it was accepted; what was accepted is paid or
///    declined in the end.
/// 9. *Declared.* An amount that is not counted is answered with
///    [`Unsupported`](crate::backend::BackendErrorKind::Unsupported) before anything is sent. It
///    declares the same each time.
/// 10. *Each by its id.* What an outcome tells of a payout is told under the id of that, never under
///     another one's to the same receiver, whatever name it is asked by.
/// 11. *Discreet.* Neither `Debug`, nor an error, nor an outcome shows a secret of the backend's or
///     where the money goes.
#[async_trait]
pub trait PayoutBackend: fmt::Debug + Send + Sync + 'static {
    /// Returns what this backend can do.
    fn payout_capabilities(&self) -> PayoutCapabilities;

    /// Pays somebody.
    ///
    /// # Errors
    ///
    /// [`BackendError`]; an outcome that stays open is of kind
    /// [`Unknown`](crate::backend::BackendErrorKind::Unknown).
    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError>;

    /// Tells what became of a payout, by its id, or by the backend's own name for it where that has
    /// told one.
    ///
    /// # Errors
    ///
    /// Any [`BackendError`]: it is asked again later.
    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError>;
}
