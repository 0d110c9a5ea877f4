//! What is done about a webhook once it is kept: by a worker, or at once.

use mp_core::{
    Caller, Error, ErrorKind, Family,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
    store::Delivery,
    work::{ATTEMPTS_MAX, Done, HandlerError},
};

use super::{
    Handled, Handling, Observation, RawWebhook, WebhookId, Webhooks,
    entry::{Entry, HINT_PAUSE, HINT_TRIES_MAX},
    page,
    raw::Raw,
    webhooks::{Source, messenger},
};
use crate::{
    error::PayError,
    payments::{BACKEND_CANNOT_TELL, PAY_MANAGE},
};

impl Webhooks {
    /// Handles a webhook now, as a worker would: where a person waits for what it tells, and to try
    /// one again that was [given up](Self::unhandled). Whoever acknowledges a webhook does not wait
    /// for this.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, what its source makes of it, what payments make of it; it goes on
    /// waiting then.
    pub async fn handle(&self, caller: &Caller, webhook: &WebhookId) -> Result<Handled, Error> {
        caller.require(&PAY_MANAGE)?;
        let app = caller.app_id();
        for _ in 0..2 {
            let kept = self.kept(app, webhook).await;
            if self.carry_out(app, webhook, kept, 0).await? {
                break;
            }
        }
        let handled = self.find(app, webhook).await?;
        handled.ok_or_else(|| {
            let message = "it was heard again meanwhile, and is handled once more";
            Error::new(ErrorKind::Unavailable, "heard_again", message)
        })
    }

    /// Puts a webhook aside, without doing what it asks for: for good, or until a hint is heard again.
    /// Under the same key that is done once, and answered alike, for as long as answers are remembered:
    /// [`IDEMPOTENCY_MEMORY`](mp_core::idempotency::IDEMPOTENCY_MEMORY), a day, and at most twice that.
    /// Later the same key puts aside once more a hint that was heard again meanwhile.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, `idempotency_conflict`, the store's errors.
    pub async fn dismiss(
        &self,
        caller: &Caller,
        webhook: &WebhookId,
        key: &IdempotencyKey,
    ) -> Result<Handled, Error> {
        caller.require(&PAY_MANAGE)?;
        let once = Idempotency::new(caller, "pay.dismiss_webhook", key, webhook)?;
        let command = page::command(caller.app_id(), webhook)?.once(once);
        let webhook = webhook.clone();
        let dismiss = move |family: &Family, now| page::dismiss(family, &webhook, now);
        Ok(self.engine.run(command, dismiss).await?.answer)
    }

    /// Returns what became of a webhook; `None` while it waits.
    async fn find(&self, app: &AppId, webhook: &WebhookId) -> Result<Option<Handled>, Error> {
        let family = self.engine.read(page::command(app, webhook)?).await?;
        page::handled(&family, webhook)
    }

    pub(super) async fn work(
        &self,
        delivery: &Delivery,
        webhook: &WebhookId,
    ) -> Result<Done, HandlerError> {
        let app = AppId::new(delivery.partition.app()).map_err(|error| {
            HandlerError::GiveUp(Error::invalid("app", "names nothing").with_source(error))
        })?;
        let tries = delivery.attempts;
        let kept = self.kept(&app, webhook).await;
        let heard = kept.as_ref().ok().and_then(Option::as_ref);
        let heard = heard.map(|(_, times)| *times);
        match self.carry_out(&app, webhook, kept, tries).await {
            Ok(true) => Ok(Done::Finished),
            Ok(false) => Ok(Done::Again(self.engine.now().plus(HINT_PAUSE))),
            Err(error) => {
                let error = HandlerError::from(error);
                let last = matches!(error, HandlerError::GiveUp(_)) || tries >= ATTEMPTS_MAX;
                match last && self.give_up(&app, webhook, heard).await? {
                    true => Ok(Done::Finished),
                    false => Err(error),
                }
            }
        }
    }

    /// Does what a webhook asks for, and takes note of that; returns whether it rests now. Whatever
    /// ends it in between, all of it is done again, and the second time changes nothing.
    async fn carry_out(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        kept: Result<Option<Kept>, Error>,
        tries: u32,
    ) -> Result<bool, Error> {
        let Some((raw, times)) = kept? else {
            return Ok(true);
        };
        let outcome = match self.learn_from(app, webhook, &raw).await {
            Err(error) if is_idle(&error, tries) && webhook.is_hint(&raw.body) => {
                tracing::debug!(%webhook, %error, "a hint is ignored");
                Handling::Ignored
            }
            learnt => learnt?,
        };
        self.finish(app, webhook, Some(times), outcome).await
    }

    async fn kept(&self, app: &AppId, webhook: &WebhookId) -> Result<Option<Kept>, Error> {
        let command = page::command(app, webhook)?.key(&webhook.raw_key());
        let family = self.engine.read(command).await?;
        let entry = family.get::<Entry>(&webhook.entry_key())?;
        let edition = entry
            .as_ref()
            .and_then(|entry| entry.editions.get(&webhook.edition));
        let Some(edition) = edition.filter(|edition| edition.handled.is_none()) else {
            return Ok(None);
        };
        let raw = family.get::<Raw>(&webhook.raw_key())?;
        let raw = raw.and_then(|raw| raw.revive(app.clone(), webhook.source.clone()));
        Ok(Some((raw.ok_or_else(bytes_gone)?, edition.times)))
    }

    async fn learn_from(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        raw: &RawWebhook,
    ) -> Result<Handling, Error> {
        let source = self.source(&webhook.source)?;
        let observations = source.adapter.read(raw).await?;
        let outcome = if observations.is_empty() {
            Handling::Ignored
        } else {
            Handling::Observed
        };
        tell_all(source, app, observations).await?;
        Ok(outcome)
    }

    async fn give_up(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        heard: Option<u32>,
    ) -> Result<bool, Error> {
        let command = page::command(app, webhook)?.key(&webhook.raw_key());
        let (webhook, dead_max) = (webhook.clone(), self.page_max());
        let give_up =
            move |family: &Family, now| page::give_up(family, &webhook, heard, dead_max, now);
        Ok(self.engine.run(command, give_up).await?.answer)
    }

    async fn finish(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        heard: Option<u32>,
        outcome: Handling,
    ) -> Result<bool, Error> {
        let command = page::command(app, webhook)?;
        let webhook = webhook.clone();
        let finish =
            move |family: &Family, now| page::finish(family, &webhook, heard, outcome, now);
        Ok(self.engine.run(command, finish).await?.answer)
    }
}

/// A webhook that is not handled, and how often it was heard.
type Kept = (RawWebhook, u32);

/// Tells payments everything; what one observation comes to keeps no other from being told.
async fn tell_all(
    source: &Source,
    app: &AppId,
    observations: Vec<Observation>,
) -> Result<(), Error> {
    let mut told = Ok(());
    for observation in observations {
        let next = tell(source, app, observation).await.map_err(Error::from);
        told = match told {
            // What may still come to something decides whether it is tried again.
            Err(known) if next.is_err() && is_archived(&known) => next,
            told => told.and(next),
        };
    }
    told
}

async fn tell(source: &Source, app: &AppId, observation: Observation) -> Result<(), PayError> {
    use Observation::{Dispute, Operation};
    let (caller, payments) = (messenger(app), &source.payments);
    match (observation, &source.backend) {
        (Operation(notice), None) => payments.observe(&caller, notice).await?,
        (Operation(notice), Some(by)) => payments.observe_from(&caller, by, notice).await?,
        (Dispute(notice), None) => payments.observe_dispute(&caller, notice).await?,
        (Dispute(notice), Some(by)) => payments.observe_dispute_from(&caller, by, notice).await?,
    };
    Ok(())
}

/// Returns whether what a worker has looked into so often is about nothing that is known or can be
/// told, or cannot be read. What has left the store does not come back, however often it is looked into.
fn is_idle(error: &Error, tries: u32) -> bool {
    match error.kind() {
        _ if is_archived(error) => true,
        _ if error.code() == BACKEND_CANNOT_TELL => tries >= HINT_TRIES_MAX,
        ErrorKind::NotFound => tries >= HINT_TRIES_MAX,
        ErrorKind::Invalid => tries > 0,
        _ => false,
    }
}

fn is_archived(error: &Error) -> bool {
    error.code() == "archived"
}

fn bytes_gone() -> Error {
    let message = "the bytes of the webhook do not read back";
    Error::new(ErrorKind::Corrupt, "corrupt_record", message)
}
