//! What is done about a webhook once it is kept: by a worker, or at once.

use mp_core::{
    Caller, Error, ErrorKind,
    id::AppId,
    work::{Done, HandlerError},
};

use super::{
    Handled, Handling, Observation, WebhookId, Webhooks,
    entry::{Entry, HINT_PAUSE},
    page::{self, HandleDue},
    raw::Raw,
    webhooks::{Source, messenger},
};
use crate::{error::PayError, payments::PAY_MANAGE};

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
        if !self.carry_out(app, webhook).await? {
            self.carry_out(app, webhook).await?;
        }
        let handled = self.find(app, webhook).await?;
        handled.ok_or_else(|| {
            let message = "it was heard again meanwhile, and is handled once more";
            Error::new(ErrorKind::Unavailable, "heard_again", message)
        })
    }

    /// Puts a webhook aside for good, without doing what it asks for.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, the store's errors.
    pub async fn dismiss(&self, caller: &Caller, webhook: &WebhookId) -> Result<Handled, Error> {
        caller.require(&PAY_MANAGE)?;
        let app = caller.app_id();
        self.finish(app, webhook, None, Handling::Dismissed).await?;
        let handled = self.find(app, webhook).await?;
        handled.ok_or_else(|| Error::not_found("webhook"))
    }

    /// Returns what became of a webhook; `None` while it waits.
    async fn find(&self, app: &AppId, webhook: &WebhookId) -> Result<Option<Handled>, Error> {
        let family = self.engine.read(page::command(app, webhook)?).await?;
        let entry = family.get::<Entry>(&webhook.entry_key())?;
        let edition = entry
            .as_ref()
            .and_then(|entry| entry.editions.get(&webhook.edition));
        let edition = edition.ok_or_else(|| Error::not_found("webhook"))?;
        Ok(edition.handled)
    }

    pub(super) async fn work(&self, app: &str, due: HandleDue) -> Result<Done, HandlerError> {
        let app = AppId::new(app).map_err(|error| {
            HandlerError::GiveUp(Error::invalid("app", "names nothing").with_source(error))
        })?;
        match self.carry_out(&app, &due.webhook).await {
            Ok(true) => Ok(Done::Finished),
            Ok(false) => Ok(Done::Again(self.engine.now().plus(HINT_PAUSE))),
            Err(error) => Err(HandlerError::from(error)),
        }
    }

    /// Does what a webhook asks for, and takes note of that; returns whether it rests now. Whatever
    /// ends it in between, all of it is done again, and the second time changes nothing.
    async fn carry_out(&self, app: &AppId, webhook: &WebhookId) -> Result<bool, Error> {
        let command = page::command(app, webhook)?.key(&webhook.raw_key());
        let family = self.engine.read(command).await?;
        let entry = family.get::<Entry>(&webhook.entry_key())?;
        let edition = entry
            .as_ref()
            .and_then(|entry| entry.editions.get(&webhook.edition));
        let Some(edition) = edition.filter(|edition| edition.handled.is_none()) else {
            return Ok(true);
        };
        let source = self.source(&webhook.source)?;
        let raw = family.get::<Raw>(&webhook.raw_key())?;
        let raw = raw.and_then(|raw| raw.revive(app.clone(), webhook.source.clone()));
        let raw = raw.ok_or_else(bytes_gone)?;
        let observations = source.adapter.read(&raw).await?;
        let outcome = if observations.is_empty() {
            Handling::Ignored
        } else {
            Handling::Observed
        };
        tell_all(source, app, observations).await?;
        self.finish(app, webhook, Some(edition.times), outcome)
            .await
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
        let finish = move |family: &mp_core::Family, now| {
            page::finish(family, &webhook, heard, outcome, now)
        };
        Ok(self.engine.run(command, finish).await?.answer)
    }
}

/// Tells payments everything; what one observation comes to keeps no other from being told.
async fn tell_all(
    source: &Source,
    app: &AppId,
    observations: Vec<Observation>,
) -> Result<(), Error> {
    let mut told = Ok(());
    for observation in observations {
        told = told.and(tell(source, app, observation).await);
    }
    told.map_err(Error::from)
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

fn bytes_gone() -> Error {
    let message = "the bytes of the webhook do not read back";
    Error::new(ErrorKind::Corrupt, "corrupt_record", message)
}
