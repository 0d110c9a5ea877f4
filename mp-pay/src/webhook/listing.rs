//! What lies dead, for a person to look at.

use mp_core::{
    Caller, Document, Error, Timestamp, document,
    store::{Delivery, Key, Partition},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    WebhookId, Webhooks,
    entry::Entry,
    page::{self, HandleDue},
};
use crate::{backend::Reference, error::is_unreadable, payments::PAY_MANAGE};

/// The most webhooks that [`Webhooks::unhandled`] lists at a time.
pub const UNHANDLED_MAX: u32 = 1_000;

/// A webhook that was accepted and could not be handled.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Unhandled {
    /// Its name here.
    pub webhook: WebhookId,
    /// The provider's name for the event, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Reference>,
    /// When it was first accepted.
    pub received_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Asks for webhooks that could not be handled.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListUnhandled {
    /// After which one.
    #[serde(default)]
    pub after: Option<WebhookId>,
    /// How many at most, and never more than [`UNHANDLED_MAX`], which it is if not given.
    #[serde(default = "most")]
    pub limit: u32,
}

const fn most() -> u32 {
    UNHANDLED_MAX
}

/// Names a webhook.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NameWebhook {
    /// Which.
    pub webhook: WebhookId,
}

impl Webhooks {
    /// Lists the app's webhooks that were given up, after the one given: those that are signed and
    /// cannot be read or are about what was not there, and whatever else could not be done in all
    /// the time that it was [tried](mp_core::work::ATTEMPTS_MAX). [`handle`](Self::handle) tries one
    /// again, [`dismiss`](Self::dismiss) puts it aside.
    ///
    /// A worker puts them here; at most [`UNHANDLED_MAX`] at a time. One that does not read back, or
    /// that only a newer release reads, is passed over and told through `tracing`:
    /// [`DeadLetters`](mp_core::work::DeadLetters) list its work.
    ///
    /// # Errors
    ///
    /// `forbidden`, the store's errors.
    pub async fn unhandled(
        &self,
        caller: &Caller,
        after: Option<&WebhookId>,
        limit: u32,
    ) -> Result<Vec<Unhandled>, Error> {
        caller.require(&PAY_MANAGE)?;
        let limit = limit
            .min(UNHANDLED_MAX)
            .min(self.engine.store().limits().due_max);
        let prefix = format!("{}/hook/", caller.app_id());
        let mut cursor = start(caller, &prefix, after)?;
        let mut listed = Vec::new();
        while listed.len() < limit as usize {
            let (partition, key) = &cursor;
            let dead = self
                .engine
                .store()
                .dead(Some((partition, key)), limit)
                .await?;
            let Some(last) = dead.last() else { break };
            cursor = (last.partition.clone(), last.key.clone());
            for delivery in &dead {
                if !delivery.partition.id().starts_with(&prefix) {
                    return Ok(listed);
                }
                if listed.len() < limit as usize {
                    listed.extend(self.readable(caller, delivery).await?);
                }
            }
        }
        Ok(listed)
    }

    async fn readable(
        &self,
        caller: &Caller,
        delivery: &Delivery,
    ) -> Result<Option<Unhandled>, Error> {
        match self.describe(caller, delivery).await {
            Err(error) if is_unreadable(&error) => {
                let Delivery { partition, key, .. } = delivery;
                tracing::error!(%partition, %key, %error, "not listed, because it does not read here");
                Ok(None)
            }
            described => described,
        }
    }

    async fn describe(
        &self,
        caller: &Caller,
        delivery: &Delivery,
    ) -> Result<Option<Unhandled>, Error> {
        if delivery.key.delivery_kind() != Some(HandleDue::KIND) {
            return Ok(None);
        }
        let (HandleDue { webhook }, _) = document::decode::<HandleDue>(&delivery.value)?;
        let command = page::command(caller.app_id(), &webhook)?;
        let family = self.engine.read(command).await?;
        let entry = family.get::<Entry>(&webhook.entry_key())?;
        let Some(entry) = entry else { return Ok(None) };
        let edition = entry.editions.get(&webhook.edition);
        let waiting = edition.filter(|edition| edition.handled.is_none());
        Ok(waiting.map(|edition| Unhandled {
            webhook,
            event: entry.event.clone(),
            received_at: edition.received_at,
            attempts: delivery.attempts,
            problem: delivery.last_error.clone(),
        }))
    }
}

/// Returns the place in the list of dead work after which the app's webhooks come.
fn start(
    caller: &Caller,
    prefix: &str,
    after: Option<&WebhookId>,
) -> Result<(Partition, Key), Error> {
    match after {
        Some(webhook) => Ok((
            webhook.partition(caller.app_id())?,
            Key::new(&format!("~o/{}/{}", HandleDue::KIND, webhook.due_id()))?,
        )),
        // No source's name sorts before this.
        None => Ok((Partition::parse(&format!("{prefix}+"))?, Key::root())),
    }
}
