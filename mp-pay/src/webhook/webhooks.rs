use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use mp_core::{
    Caller, Engine, Error, ErrorKind,
    id::{AppId, Name},
    work::{self, Handler},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    Identity, RawWebhook, Reply, WebhookId, WebhookRefusal, WebhookSource,
    arrival::Arrival,
    id::{PAGES, name_and_digest},
    page::{HandleDue, LapseDue},
};
use crate::payments::{PAY_MANAGE, Payments};

/// How many webhooks of an app and a source may wait to be handled, unless the host says otherwise;
/// as many may lie dead before those that are signed have to wait for a person.
pub const WAITING_MAX: u32 = 256 * 1_024;

/// How many webhooks one process receives at once; more are [`Busy`](WebhookRefusal::Busy).
pub const RECEIVING_MAX: usize = 1_024;

/// How long a source may take to verify a webhook. A provider waits a few seconds for an answer
/// (WeChat Pay five).
pub const VERIFYING_MAX: Duration = Duration::from_secs(4);

/// Receives webhooks, and has payments learn what they tell; see [the module](super).
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    pub(super) engine: Engine,
    pub(super) sources: BTreeMap<Name, Source>,
    /// Whose webhooks are accepted; every app's if it does not say.
    apps: Option<Arc<BTreeSet<AppId>>>,
    waiting_max: u32,
    receiving: Arc<Semaphore>,
}

/// Where webhooks come from, and whose payments they are about.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) adapter: Arc<dyn WebhookSource>,
    pub(super) payments: Payments,
    /// Which of several backends it tells of.
    pub(super) backend: Option<Name>,
}

/// A webhook that was accepted: it is in the store, and will be handled.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Accepted {
    /// Its name here.
    pub webhook: WebhookId,
    /// Whether the same event had been accepted before, with the same bytes.
    pub duplicate: bool,
}

impl Webhooks {
    /// Keeps webhooks in the engine's store; without sources, it accepts none.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            sources: BTreeMap::new(),
            apps: None,
            waiting_max: WAITING_MAX,
            receiving: Arc::new(Semaphore::new(RECEIVING_MAX)),
        }
    }

    /// Accepts what this source verifies, and tells it to these payments. The name goes into the
    /// address at the provider and into what is kept: it stays.
    #[must_use]
    pub fn with_source(
        mut self,
        name: Name,
        adapter: Arc<dyn WebhookSource>,
        payments: &Payments,
    ) -> Self {
        let source = Source {
            adapter,
            payments: payments.clone(),
            backend: None,
        };
        self.sources.insert(name, source);
        self
    }

    /// Accepts what this source verifies, and tells it to these payments as the word of one of their
    /// [several backends](crate::routing): believed as far as that one is, and only of what was
    /// asked of it.
    #[must_use]
    pub fn with_source_of(
        self,
        backend: Name,
        name: Name,
        adapter: Arc<dyn WebhookSource>,
        payments: &Payments,
    ) -> Self {
        let mut webhooks = self.with_source(name.clone(), adapter, payments);
        if let Some(source) = webhooks.sources.get_mut(&name) {
            source.backend = Some(backend);
        }
        webhooks
    }

    /// Accepts webhooks for these apps and for no other, which is answered as a source that is not set up is;
    /// what was accepted before is handled. Without this, who signs is known by the keys of each app, but a
    /// [hint](Identity::Hint) is kept for whichever app its address names, there or not, so that anybody can fill
    /// the store with those of apps that they make up.
    #[must_use]
    pub fn with_apps(mut self, apps: impl IntoIterator<Item = AppId>) -> Self {
        self.apps = Some(Arc::new(apps.into_iter().collect()));
        self
    }

    /// Lets so many webhooks of an app and a source wait to be handled, and as many lie dead. Each of
    /// the 256 pages over which they are spread by their hashes takes its share, rounded up: so up to
    /// 255 more may wait in all, and one whose page is full has to come again although there is room
    /// on others.
    #[must_use]
    pub const fn with_waiting_max(mut self, most: u32) -> Self {
        self.waiting_max = most;
        self
    }

    /// Accepts a webhook: verifies it, and keeps its bytes and what is to be done about them in one
    /// commit. Once this has answered `Ok`, the webhook is not lost, and what comes again under the
    /// same [`Identity`] is a duplicate.
    ///
    /// # Errors
    ///
    /// [`WebhookRefusal`], which says what the provider is to be answered. After any of them the
    /// provider must not be told that the webhook was accepted.
    #[tracing::instrument(level = "debug", skip_all, fields(app = %webhook.app, source = %webhook.source))]
    pub async fn receive(&self, webhook: &RawWebhook) -> Result<Accepted, WebhookRefusal> {
        let received = self.take_in(webhook).await;
        match &received {
            Ok(Accepted { webhook, duplicate }) => {
                tracing::debug!(%webhook, duplicate, "a webhook is accepted");
            }
            // What anybody can bring about would drown the rest.
            Err(refusal) if refusal.is_strange() => {
                tracing::debug!(code = refusal.code(), %refusal, "a webhook is refused");
            }
            Err(refusal) => {
                let source = std::error::Error::source(refusal);
                tracing::warn!(code = refusal.code(), %refusal, source, "a webhook is refused");
            }
        }
        received
    }

    async fn take_in(&self, webhook: &RawWebhook) -> Result<Accepted, WebhookRefusal> {
        let source = self.source(&webhook.source);
        let source = source.map_err(|_| WebhookRefusal::UnknownSource)?;
        if !self.takes(&webhook.app) {
            return Err(WebhookRefusal::UnknownSource);
        }
        webhook.check()?;
        let room = self.receiving.try_acquire();
        let _room = room.map_err(|_| WebhookRefusal::Busy)?;
        let verified = source.adapter.verify(webhook, self.engine.now());
        let identity = timeout(VERIFYING_MAX, verified).await;
        let identity = identity.map_err(|_| WebhookRefusal::Busy)??;
        if identity == Identity::Hint {
            webhook.check_hint()?;
        }
        let arrival = self.arrival(webhook, &*source.adapter, identity);
        let command = arrival.command(&webhook.app)?;
        let take = move |family: &mp_core::Family, now| arrival.take(family, now);
        Ok(self.engine.run(command, take).await?.answer)
    }

    fn takes(&self, app: &AppId) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(app))
    }

    fn arrival(
        &self,
        webhook: &RawWebhook,
        adapter: &dyn WebhookSource,
        identity: Identity,
    ) -> Arrival {
        let (name, digest) = name_and_digest(&identity, &webhook.body);
        Arrival {
            source: webhook.source.clone(),
            name,
            digest,
            hint: identity == Identity::Hint,
            event: match identity {
                Identity::Event(event) => Some(event),
                Identity::Bytes | Identity::Hint => None,
            },
            raw: webhook.kept(adapter.kept_headers()),
            periods: Arrival::periods(self.engine.now()),
            waiting_max: self.page_max(),
        }
    }

    /// Returns how many may wait on one page, and how many may lie dead there.
    pub(super) const fn page_max(&self) -> u32 {
        self.waiting_max.div_ceil(PAGES)
    }

    /// Returns what a provider is answered that is told this.
    #[must_use]
    pub fn reply(&self, source: &Name, refusal: Option<&WebhookRefusal>) -> Reply {
        match self.sources.get(source) {
            Some(source) => source.adapter.reply(refusal),
            None => Reply::of(refusal),
        }
    }

    /// Returns the handlers that do what webhooks ask for, and in the end forget them: for a
    /// [`Worker`](mp_core::work::Worker), beside those of the payments.
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let (handling, lapsing) = (self.clone(), self.clone());
        let handle = work::on(move |delivery: mp_core::store::Delivery, due: HandleDue| {
            let webhooks = handling.clone();
            async move { webhooks.work(&delivery, &due.webhook).await }
        });
        let lapse = work::on(move |delivery: mp_core::store::Delivery, due: LapseDue| {
            let webhooks = lapsing.clone();
            async move { Ok(webhooks.lapse(&delivery.partition, due).await?) }
        });
        vec![handle, lapse]
    }

    pub(super) fn source(&self, name: &Name) -> Result<&Source, Error> {
        self.sources.get(name).ok_or_else(|| {
            let message = "the source of the webhook is not set up in this process";
            Error::new(ErrorKind::Unavailable, "unknown_source", message)
        })
    }
}

/// Whom payments take it from.
pub(super) fn messenger(app: &AppId) -> Caller {
    Caller::app(app.clone()).with_scope(PAY_MANAGE)
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks")
            .field("sources", &self.sources)
            .field("apps", &self.apps)
            .field("waiting_max", &self.waiting_max)
            .finish_non_exhaustive()
    }
}
