use mp_core::{
    Document, Timestamp,
    amount::Money,
    id::AppId,
    label::Label,
    port::{Destination, PayoutKey, Receiver},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PayoutId;
use crate::{
    backend::{NextAction, Outcome, Reference},
    journal::{Request, Source},
};

/// One entry of a payout's journal; entries are appended and never changed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PayoutEntry {
    /// Its number, from 1.
    pub number: u32,
    /// When it was written.
    pub at: Timestamp,
    /// The call that asked for it, if one is to be known again by it: a person's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What happened.
    pub event: PayoutEvent,
}

impl Document for PayoutEntry {
    const KIND: &'static str = "payout_event";
    const FORMAT: u32 = 2;
}

/// What happened to a payout: it was asked or decided by us, or observed of the backend. Its state is
/// the fold of these.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PayoutEvent {
    /// It was asked for.
    Created(CreatedPayout),
    /// The receiver has told no place where their money goes: it is declined.
    NoDestination,
    /// It was called off.
    Canceled,
    /// The backend was about to be called.
    Sent,
    /// The call surely did not reach the backend.
    NotSent,
    /// Something was learnt about it.
    Observed {
        /// What.
        outcome: Outcome,
        /// From whom.
        source: Source,
    },
    /// The backend wanted somebody to act, which nobody does for a payout: a person has to look.
    ActionRefused {
        /// What it wanted.
        action: NextAction,
        /// From whom that was learnt.
        source: Source,
        /// The backend's own name for the payout, where it has told one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

/// What a payout is created with.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CreatedPayout {
    /// Its id.
    pub id: PayoutId,
    /// Its name, under which it was asked for.
    pub key: PayoutKey,
    /// The app that pays.
    pub app: AppId,
    /// Who is paid.
    pub receiver: Receiver,
    /// Where the money goes, if the receiver has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// How much.
    pub amount: Money,
    /// What for.
    pub reason: Label,
}
