//! What happened to an intent, in order: the record that its state is the fold of.

mod replay;
mod request;
mod stretch;

use std::collections::BTreeMap;

use mp_core::{
    Timestamp,
    amount::Money,
    id::{AppId, Name, UserId},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use self::replay::fold;
#[cfg(test)]
pub(crate) use self::stretch::TAIL_MAX;
pub(crate) use self::stretch::{JournalPage, Stretch};
pub use self::{
    replay::{Replayed, replay},
    request::Request,
};
use crate::{
    backend::{NextAction, Outcome, Reference},
    dispute::Dispute,
    intent::{CancellationReason, CaptureMethod, IntentId},
    method::{self, Country, PaymentMethodToken, PaymentMethodType},
    operation::OperationKey,
    refund::{RefundId, RefundReason},
    settlement::SettlementMark,
};

/// One entry of an intent's journal; entries are appended and never changed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JournalEntry {
    /// Its number, from 1.
    pub number: u32,
    /// When it was written.
    pub at: Timestamp,
    /// The call that asked for it, if one did under a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What happened.
    pub event: Event,
}

impl JournalEntry {
    /// Makes the entry of what nobody asked for by a call.
    pub(crate) const fn of(number: u32, at: Timestamp, event: Event) -> Self {
        Self {
            number,
            at,
            request: None,
            event,
        }
    }
}

/// What happened to an intent: it was asked or decided by us, or observed of the backend.
///
/// The state is the fold of these. What was decided stands in its place; what was observed between
/// two decisions comes to the same in any order and any number of times.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// It was created.
    Created(Created),
    /// An attempt was opened.
    Confirmed(Confirmed),
    /// An attempt surely took nothing, and another was opened in its place, at another backend.
    FellOver {
        /// Which attempt took nothing.
        attempt: u32,
        /// Which backend was to be tried next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backend: Option<Name>,
        /// For how many seconds that backend holds money, unless it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hold_seconds: Option<u64>,
    },
    /// More was to be held.
    IncreaseAsked {
        /// How much in all.
        total: Money,
    },
    /// What is held was to be taken, all or part of it.
    CaptureAsked {
        /// How much.
        amount: Money,
        /// Whether the rest was to be let go.
        #[serde(default = "only")]
        last: bool,
    },
    /// It was to be given up.
    CancelAsked {
        /// Why.
        reason: CancellationReason,
    },
    /// Some of what was taken was to be given back.
    RefundAsked {
        /// The refund's name.
        refund: RefundId,
        /// How much.
        amount: Money,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<RefundReason>,
        /// Of which of the order's lines, and how much of each.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        lines: BTreeMap<Name, Money>,
    },
    /// The capability that had it secured wanted the money for good.
    SettleAsked,
    /// The capability that had it secured let go of it, or was about to be told that somebody else has given
    /// it back.
    ReleaseAsked,
    /// The payer did not act in time.
    Expired,
    /// The hold was not captured in time.
    Lapsed,
    /// The last attempt that there may be was declined.
    Exhausted,
    /// The capture that was to be the last was declined: the hold is let go.
    CaptureFailed,
    /// An attempt that was given up holds money, which is let go.
    VoidAsked {
        /// Which attempt.
        attempt: u32,
    },
    /// An attempt that was given up took money, which is given back.
    ReturnAsked {
        /// Which attempt.
        attempt: u32,
        /// How much.
        amount: Money,
    },
    /// An attempt that was given up brought the money after all, and counts again.
    LateAccepted {
        /// Which attempt.
        attempt: u32,
    },
    /// The backend told of a dispute.
    DisputeTold {
        /// What it told.
        dispute: Dispute,
    },
    /// The backend was about to be called.
    Sent {
        /// For what.
        operation: OperationKey,
    },
    /// The call surely did not reach the backend.
    NotSent {
        /// For what.
        operation: OperationKey,
    },
    /// Something was learnt about an operation.
    Observed {
        /// Which.
        operation: OperationKey,
        /// What.
        outcome: Outcome,
        /// From whom.
        source: Source,
    },
    /// The backend wanted something of the payer that it has not declared, or that is not safe: the
    /// payer is not asked, and a person has to look.
    ActionRefused {
        /// For what.
        operation: OperationKey,
        /// What it wanted; of what is too long, no more than shows that.
        action: NextAction,
        /// From whom that was learnt.
        source: Source,
        /// The backend's own name for the operation, where it has told one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

/// The first format knew one capture, which let go of the rest.
const fn only() -> bool {
    true
}

/// What an intent is created with.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Created {
    /// Its name.
    pub id: IntentId,
    /// The app that is paid.
    pub app: AppId,
    /// Who pays.
    pub owner: UserId,
    /// What is to be paid.
    pub amount: Money,
    /// Whether money is taken at once or held first.
    pub capture_method: CaptureMethod,
    /// What it is made up of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<Name, Money>,
    /// What it is to be paid with.
    #[serde(
        default,
        deserialize_with = "method::stored::token_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub payment_method: Option<PaymentMethodToken>,
    /// Of which type that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// The settlement it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<SettlementMark>,
}

/// What an attempt is opened with.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Confirmed {
    /// What with, if not with what the intent had.
    #[serde(
        default,
        deserialize_with = "method::stored::token_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub payment_method: Option<PaymentMethodToken>,
    /// Of which type that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Which backend it goes to; the only one there is if it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Name>,
    /// Whether the backend takes the money at once.
    pub capture: bool,
    /// Until when the payer may act.
    pub expires_at: Timestamp,
    /// For how many seconds the backend holds money, unless it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u64>,
}

/// From whom an outcome was learnt.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// The backend's answer to the call.
    Call,
    /// The backend, asked later.
    Lookup,
    /// The backend, on its own: a webhook that the host received.
    Notice,
    /// A person who looked it up.
    Person,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}
