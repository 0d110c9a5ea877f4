//! The root of a payment's partition.

use std::{collections::BTreeMap, sync::Arc};

use mp_core::{Document, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value, value::RawValue};

use crate::{attempt::Attempt, intent::PaymentIntent, journal::Stretch};

/// The root: an intent with what most of its commits change, or the mark of one that was let go
/// before it was seen.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Root {
    Intent(Kept),
    Fence(Fence),
}

/// An intent, and what stands in one record with it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Kept {
    pub(super) state: State,
    /// The tail of the journal.
    pub(super) journal: Stretch,
}

/// What the journal comes to. It stands one level deeper than in format 4, so that a release which does not
/// look for repeated calls in the journal refuses the record instead of acting twice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct State {
    pub(super) intent: Arc<PaymentIntent>,
    /// By their numbers; none where they stand in records of their own, as in the formats 1 to 3.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attempts: BTreeMap<u32, Arc<Attempt>>,
}

/// Keeps a settlement's key from being used: it was let go of or of no use before it was seen.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Fence {
    pub(crate) fenced_at: Timestamp,
    /// Why: `released`, `expired`, `no_payment_method` or `no_route`.
    pub(crate) code: String,
}

impl Document for Root {
    const KIND: &'static str = "payment_intent";
    const FORMAT: u32 = 6;
}

#[derive(Deserialize)]
struct Stored {
    state: Option<State>,
    /// In format 4.
    intent: Option<Arc<PaymentIntent>>,
    /// The attempts, in format 4; how many there are, in the formats 1 to 3.
    attempts: Option<Box<RawValue>>,
    #[serde(default)]
    journal: Stretch,
    /// In the formats 1 to 3 the intent itself; ever since, a fence.
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(from)?;
        stored.root().map_err(de::Error::custom)
    }
}

impl Stored {
    fn root(self) -> Result<Root, serde_json::Error> {
        let journal = self.journal;
        if let Some(state) = self.state {
            return Ok(Root::Intent(Kept { state, journal }));
        }
        let Some(intent) = self.intent else {
            return older(self.attempts, self.others);
        };
        let attempts = self.attempts.map(|it| serde_json::from_str(it.get()));
        let attempts = attempts.transpose()?.unwrap_or_default();
        let state = State { intent, attempts };
        Ok(Root::Intent(Kept { state, journal }))
    }
}

/// Reads a root of the formats 1 to 3, or a fence.
fn older(
    attempts: Option<Box<RawValue>>,
    mut members: Map<String, Value>,
) -> Result<Root, serde_json::Error> {
    if members.contains_key("fenced_at") {
        return serde_json::from_value(Value::Object(members)).map(Root::Fence);
    }
    if let Some(count) = attempts {
        members.insert("attempts".to_owned(), serde_json::from_str(count.get())?);
    }
    let state = State {
        intent: serde_json::from_value(Value::Object(members))?,
        attempts: BTreeMap::new(),
    };
    let journal = Stretch::default();
    Ok(Root::Intent(Kept { state, journal }))
}
