//! What is known of one event: which bytes of it came, and what became of them.

use std::{collections::BTreeMap, time::Duration};

use mp_core::{Document, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WebhookRefusal;
use crate::backend::Reference;

/// With how many different bodies the same event is kept and read.
pub const EDITIONS_MAX: u32 = 4;

/// For how long the same hint is not looked into again after it was; one that comes meanwhile is
/// looked into then.
pub const HINT_PAUSE: Duration = Duration::from_secs(10);

/// How often a hint is looked into that is about nothing that is known here: for about a minute,
/// since it may overtake our own commit. Then it is [ignored](Handling::Ignored), for anybody could
/// have sent it.
pub const HINT_TRIES_MAX: u32 = 8;

/// After how long a hint that was not handled is taken for given up, and wakes up by coming again,
/// although nobody has taken note of that: its [tries](mp_core::work::ATTEMPTS_MAX) are over by then.
pub(super) const HINT_WAKES: Duration = Duration::from_secs(6 * 60 * 60);

/// An event, filed under the hash of its identity.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// The provider's name for it, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<Reference>,
    /// The bodies that it came with, by number from 1.
    pub(super) editions: BTreeMap<u32, Edition>,
}

impl Document for Entry {
    const KIND: &'static str = "webhook";
    const FORMAT: u32 = 1;
}

/// An event with one body.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Edition {
    /// The digest of the body.
    pub(super) digest: String,
    /// When it was first accepted.
    pub(super) received_at: Timestamp,
    /// When it was last put into the outbox.
    pub(super) sent_at: Timestamp,
    /// How often it was heard; of what is no hint, only the first time is counted.
    pub(super) times: u32,
    /// What became of it; `None` while it waits, or lies dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) handled: Option<Handled>,
    /// When it was given up, if it lies dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) given_up_at: Option<Timestamp>,
}

/// Whether anything is still to be done about an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is tried, and tried again.
    Waits,
    /// Its tries are over, and a person has to look.
    Dead,
    /// Nothing is: it is handled, or was never there.
    Rests,
}

/// When a webhook was handled, and what came of it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Handled {
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Handling,
}

/// What came of a webhook.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Handling {
    /// What it told is known now.
    Observed,
    /// It told nothing that is of use here.
    Ignored,
    /// A person has put it aside.
    Dismissed,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

/// What an arrival comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// It is known: nothing is written.
    Known,
    /// It waits already, and is to be looked into once more after that.
    Noted,
    /// It is to be handled from this time on.
    Due {
        /// When.
        at: Timestamp,
        /// Whether its bytes were never seen before.
        new: bool,
        /// How it stood before.
        before: Standing,
    },
}

impl Entry {
    pub(super) const fn new(event: Option<Reference>) -> Self {
        Self {
            event,
            editions: BTreeMap::new(),
        }
    }

    /// Takes note of a body that came, and returns the number of its edition.
    ///
    /// The same event with other bytes is kept beside the first and read as well: what is observed
    /// is joined, so that nothing is lost and nothing counts twice. Stripe, for one, counts the
    /// endpoints that still wait inside of the event.
    pub(super) fn arrive(
        &mut self,
        digest: &str,
        hint: bool,
        now: Timestamp,
    ) -> Result<(u32, Arrived), WebhookRefusal> {
        let mut known = self.editions.iter_mut();
        if let Some((number, edition)) = known.find(|(_, it)| it.digest == digest) {
            let arrived = if hint {
                edition.hear(now)
            } else {
                Arrived::Known
            };
            return Ok((*number, arrived));
        }
        let number = self.editions.len() as u32 + 1;
        if number > EDITIONS_MAX {
            return Err(WebhookRefusal::Contradictory);
        }
        self.editions.insert(number, Edition::new(digest, now));
        let (at, new, before) = (now, true, Standing::Rests);
        Ok((number, Arrived::Due { at, new, before }))
    }

    /// Returns whether nothing of it waits any more.
    pub(super) fn is_handled(&self) -> bool {
        self.editions.values().all(|it| it.handled.is_some())
    }
}

impl Edition {
    fn new(digest: &str, now: Timestamp) -> Self {
        Self {
            digest: digest.to_owned(),
            received_at: now,
            sent_at: now,
            times: 1,
            handled: None,
            given_up_at: None,
        }
    }

    pub(super) const fn standing(&self) -> Standing {
        match (self.handled, self.given_up_at) {
            (Some(_), _) => Standing::Rests,
            (None, Some(_)) => Standing::Dead,
            (None, None) => Standing::Waits,
        }
    }

    /// Takes note of what became of it.
    pub(super) const fn handle(&mut self, handled: Handled) {
        self.handled = Some(handled);
        self.given_up_at = None;
    }

    /// Hears a hint again: what it is about may have changed since, even while the hint before is
    /// being looked into.
    fn hear(&mut self, now: Timestamp) -> Arrived {
        self.times = self.times.saturating_add(1);
        let (new, before) = (false, self.standing());
        let at = match self.handled.take() {
            Some(handled) => handled.at.plus(HINT_PAUSE).max(now),
            None if before == Standing::Dead => now,
            None if self.sent_at.plus(HINT_WAKES) <= now => now,
            None => return Arrived::Noted,
        };
        (self.sent_at, self.given_up_at) = (at, None);
        Arrived::Due { at, new, before }
    }
}

#[cfg(test)]
mod tests;
