use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{
    Cursor, Event, Feed, Projection, Stretch,
    projector::{Progress, partition},
};
use crate::{
    engine::{Command, Edits, Engine, Family},
    error::Error,
    id::{AppId, Name},
};

/// Takes the events of a feed to where no transaction reaches: a search engine, another service; the
/// host implements it.
///
/// # Contract
/// 1. *Idempotent.* An event may be handed over again; its [position](Event::position) and its
///    [id](Event::id) tell that it was before. Where a process stood still for longer than its lease,
///    older events may so arrive after newer ones: a destination that keeps the last word on something
///    keeps the position beside it, and refuses what is not greater.
#[async_trait]
pub trait Subscriber: fmt::Debug + Send + Sync + 'static {
    /// Names the subscriber; no other one of the same feed has this name.
    fn name(&self) -> &Name;

    /// Takes events, in order; `Ok` means that they need not be handed over again.
    ///
    /// # Errors
    ///
    /// As [`Projection::apply`].
    async fn receive(&self, app: &AppId, events: &[Event]) -> Result<(), Error>;
}

/// A subscriber as a projection: the cursor is a record of ours.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) engine: Engine,
    pub(super) feed: Feed,
    pub(super) subscriber: Arc<dyn Subscriber>,
}

#[async_trait]
impl Projection for Subscription {
    fn name(&self) -> &Name {
        self.subscriber.name()
    }

    async fn cursor(&self, app: &AppId) -> Result<Cursor, Error> {
        let partition = partition(app, &self.feed, self.name())?;
        let family = self.engine.read(Command::on(partition)).await?;
        let progress = family.root::<Progress>()?;
        Ok(progress.map_or(Cursor::START, |progress| progress.cursor()))
    }

    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
        self.subscriber
            .receive(&stretch.app, &stretch.events)
            .await?;
        let partition = partition(&stretch.app, &self.feed, self.name())?;
        let (from, to) = (stretch.from, stretch.to);
        let decide = move |family: &Family, _| {
            let progress = family.root::<Progress>()?;
            let progress = progress.as_deref().copied().unwrap_or_default();
            let stands = progress.cursor() == from;
            let mut edits = Edits::new();
            if stands {
                edits.put_root(progress.moved_to(to));
            }
            Ok::<_, Error>(edits.answer(stands))
        };
        Ok(self
            .engine
            .run(Command::on(partition), decide)
            .await?
            .answer)
    }
}
