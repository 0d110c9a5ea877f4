//! How the first format of an attempt is read: one capture, one void and one return, and whether
//! the money was held.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::Value;

use super::{Attempt, Funds, Return};
use crate::{
    backend::NextAction,
    operation::{Heard, Operation},
};

#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Held(bool),
    Funds(Funds),
}

/// What was not held in the first format may have been taken, or let go, or not be known yet.
pub(super) fn funds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Funds>, D::Error> {
    Ok(match Stored::deserialize(from)? {
        Stored::Held(true) => Some(Funds::Held),
        Stored::Held(false) => None,
        Stored::Funds(funds) => Some(funds),
    })
}

pub(super) fn one_or_many<'de, D, T>(from: D) -> Result<BTreeMap<u32, T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    read(Value::deserialize(from)?)
}

pub(super) fn returns<'de, D>(from: D) -> Result<BTreeMap<u32, Return>, D::Error>
where
    D: Deserializer<'de>,
{
    let stored = Value::deserialize(from)?;
    if stored.get("stage").is_none() {
        return read(stored);
    }
    let operation: Operation = serde_json::from_value(stored).map_err(D::Error::custom)?;
    let amount = None;
    Ok(BTreeMap::from([(1, Return { amount, operation })]))
}

fn read<T: DeserializeOwned, E: Error>(stored: Value) -> Result<BTreeMap<u32, T>, E> {
    let numbered = stored.as_object().is_some_and(|members| {
        let mut names = members.keys();
        names.all(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    if numbered {
        serde_json::from_value(stored).map_err(E::custom)
    } else {
        let one = serde_json::from_value(stored).map_err(E::custom)?;
        Ok(BTreeMap::from([(1, one)]))
    }
}

impl Attempt {
    /// Works out what the first format did not say. `action` is what its intent waited for.
    pub(crate) fn complete(&mut self, action: Option<&NextAction>) {
        if self.charge.is_done() && self.funds.is_none() {
            let let_go = self.voids.values().any(Operation::is_done);
            let was_held = !self.capture && (let_go || !self.captures.is_empty());
            self.funds = Some(if was_held { Funds::Held } else { Funds::Taken });
        }
        if let (Some(action), None) = (action, self.charge.heard) {
            self.charge.heard = Some(Heard::NeedsAction);
            self.next_action = Some(action.clone());
        }
    }
}
