use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::{
    Cursor, Feed, Feeds, Projection, Stretch, Subscriber, feeds::app_of, pace::Pace,
    subscriber::Subscription,
};
use crate::{
    document::Document,
    engine::{Command, Edits, Engine, Family},
    error::{Error, ErrorKind},
    id::{AppId, Name},
    store::{Delivery, Key, Outcome, Partition},
    work::{Done, Handler, HandlerError},
};

/// How long a projector waits for more once it has seen everything.
pub const PROJECT_EVERY: Duration = Duration::from_secs(1);

/// How long a projection may take to apply a stretch or to tell its cursor: whatever takes longer is
/// dropped, and has failed.
pub const APPLY_MAX: Duration = Duration::from_secs(5);

/// How many timers a projection's partition has at most: its own, and that of older releases.
const TIMERS_MAX: u32 = 2;

/// How long work that gets on takes on more before it is settled and due again: with what is under way
/// then, far less than a handler may take.
pub(super) const STINT: Duration = Duration::from_secs(5);

/// Hands the events of a feed to a projection, in order.
///
/// It is due work: one process at a time does it, failures come back after growing pauses, and after
/// [`ATTEMPTS_MAX`](crate::work::ATTEMPTS_MAX) of them, three to six hours, the projection stands still:
/// it is listed by [`Worker::dead`](crate::work::Worker::dead) with the error, no event is skipped,
/// and [`redrive`](crate::work::DeadLetters::redrive) or the next [`start`](Self::start) goes on. From a
/// cursor that the feed has forgotten nothing goes on by itself: the work is dead at once, until the
/// projection has set its cursor anew, or [`begin_at`](Self::begin_at) a subscriber's.
///
/// One process at a time, for as long as its lease lasts: what a process that stood still for longer was
/// handing over may arrive after what another has handed over since. A projection refuses it, for its
/// cursor has moved on; a [`Subscriber`] has to compare positions.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Projector {
    engine: Engine,
    feeds: Feeds,
    feed: Feed,
    projection: Arc<dyn Projection>,
    /// Whether the cursor is a record of ours.
    subscribed: bool,
    kind: String,
}

/// How far a projection is behind its feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// How many events it has not seen.
    pub events: u64,
    /// How long ago the first of them was told.
    pub span: Duration,
}

impl Projector {
    /// Joins a feed with a projection of it.
    #[must_use]
    pub fn new(engine: &Engine, feed: &Feed, projection: Arc<dyn Projection>) -> Self {
        Self {
            engine: engine.clone(),
            feeds: Feeds::new(engine),
            feed: feed.clone(),
            kind: kind_of(feed.name(), projection.name()),
            projection,
            subscribed: false,
        }
    }

    /// Joins a feed with a subscriber, whose cursor is kept here.
    #[must_use]
    pub fn subscribed(engine: &Engine, feed: &Feed, subscriber: Arc<dyn Subscriber>) -> Self {
        let subscription = Subscription {
            engine: engine.clone(),
            feed: feed.clone(),
            subscriber,
        };
        Self {
            subscribed: true,
            ..Self::new(engine, feed, Arc::new(subscription))
        }
    }

    /// Makes projecting an app's feed due work, from now on and for ever; call it when the program
    /// starts.
    ///
    /// Where it is due work already it stays as it is, in the hands of whichever process is at it, or
    /// pausing after a failure; where it lies dead it goes on.
    ///
    /// # Errors
    ///
    /// The store's errors: call it again.
    pub async fn start(&self, app: &AppId) -> Result<(), Error> {
        let partition = self.partition(app)?;
        match self.set_going(&partition, None).await? {
            true => Ok(()),
            false => self.revive(&partition).await,
        }
    }

    /// Has a subscriber go on from this cursor, wherever it stood, and makes that due work as
    /// [`start`](Self::start) does: for a person, once a feed has forgotten what came next
    /// (`feed_forgotten`) or is an older copy (`feed_ends_before`).
    ///
    /// From [`Cursor::START`] it gets what the feed still has. What was forgotten it does not get, and
    /// what it has seen before it may get again. What is being handed over meanwhile may arrive later.
    ///
    /// # Errors
    ///
    /// `cursor_elsewhere` for a projection, which keeps its cursor itself; those of [`Feeds::read`] from
    /// this cursor; the store's.
    pub async fn begin_at(&self, app: &AppId, cursor: Cursor) -> Result<(), Error> {
        if !self.subscribed {
            let name = self.projection.name();
            let message = format!("projection {name} keeps its cursor itself: set it there");
            let kind = ErrorKind::Unsupported;
            return Err(Error::new(kind, "cursor_elsewhere", message));
        }
        self.feeds.read(app, &self.feed, cursor, 1).await?;
        self.set_going(&self.partition(app)?, Some(cursor)).await?;
        Ok(())
    }

    /// Sets the timer unless it was set before; returns whether it did.
    ///
    /// Set anew, it would be nobody's: a second process would hand over beside the one that has leased it.
    async fn set_going(&self, partition: &Partition, from: Option<Cursor>) -> Result<bool, Error> {
        let kind = self.kind.clone();
        let former = former_kind_of(self.feed.name(), self.projection.name());
        let decide = move |family: &Family, now| {
            let progress = family.root::<Progress>()?;
            let progress = progress.as_deref().copied().unwrap_or_default();
            let sets = from.is_some() || !progress.going;
            let mut edits = Edits::new();
            if sets {
                edits.put_root(progress.set_going(from));
                edits.schedule_as(&kind, "all", now, &Project {});
            }
            if former != kind {
                edits.delete(&format!("~t/{former}/all"));
            }
            Ok::<_, Error>(edits.answer(sets))
        };
        let command = Command::on(partition.clone());
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Has the work go on if it lies dead: it is settled as what lies dead, which takes it from nobody who
    /// has had it go on since and holds it.
    async fn revive(&self, partition: &Partition) -> Result<(), Error> {
        let store = self.engine.store();
        let key = Key::new(&format!("~t/{}/all", self.kind))?;
        let listed = store
            .dead(Some((partition, &Key::root())), TIMERS_MAX)
            .await?;
        let is_ours = |dead: &Delivery| dead.partition == *partition && dead.key == key;
        if let Some(dead) = listed.into_iter().find(is_ours) {
            let at = self.engine.now();
            store
                .settle(vec![dead.settle(Outcome::Redrive { at })])
                .await?;
        }
        Ok(())
    }

    /// Returns the handler that projects: for a [`Worker`](crate::work::Worker), beside
    /// [`Feeds::handlers`].
    #[must_use]
    pub fn handler(&self) -> Arc<dyn Handler> {
        Arc::new(self.clone())
    }

    /// Projects everything that is in an app's feed, and returns how many events that were: for
    /// whoever must not miss what has come in.
    ///
    /// It waits for no other process, and none waits for it: beside one that hands over, a [`Subscriber`]
    /// may get events twice, and older ones after newer ones.
    ///
    /// # Errors
    ///
    /// The projection's errors, those of [`Feeds::read`], and the store's.
    pub async fn catch_up(&self, app: &AppId) -> Result<u64, Error> {
        let mut projected = 0;
        loop {
            match self.project(app).await? {
                (some, true) => projected += some,
                (last, false) => return Ok(projected + last),
            }
        }
    }

    /// Returns how far the projection is behind.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up).
    pub async fn lag(&self, app: &AppId) -> Result<Lag, Error> {
        let cursor = self.cursor(app).await?;
        let next = self.feeds.read(app, &self.feed, cursor, 1).await?;
        let span = next.since().map(|at| self.engine.now().since(at));
        Ok(Lag {
            events: next.behind + next.events.len() as u64,
            span: span.unwrap_or_default(),
        })
    }

    /// Projects stretches for a while; returns how many events were applied, and whether there may be
    /// more.
    ///
    /// A stretch that fails is tried again by halves: what stands before the event that fails gets
    /// through, and the error is about that event alone.
    async fn project(&self, app: &AppId) -> Result<(u64, bool), Error> {
        let begun = Instant::now();
        let (mut projected, mut pace) = (0, Pace::default());
        let mut cursor = self.cursor(app).await?;
        loop {
            let stretch = self
                .feeds
                .read(app, &self.feed, cursor, pace.next())
                .await?;
            if stretch.events.is_empty() {
                return Ok((projected, false));
            }
            let handed = Instant::now();
            cursor = match self.in_time(self.projection.apply(&stretch)).await {
                Ok(true) => {
                    projected += stretch.events.len() as u64;
                    pace.applied(handed.elapsed());
                    stretch.to
                }
                Ok(false) => self.moved(&stretch).await?,
                Err(error) => {
                    pace.failed(half_of(&stretch, error)?);
                    self.cursor(app).await?
                }
            };
            // Whoever gets nowhere is halved until it does, or until the error is about one event.
            let gets_on = projected > 0 || cursor != stretch.from;
            if gets_on && begun.elapsed() >= STINT {
                return Ok((projected, true));
            }
        }
    }

    async fn cursor(&self, app: &AppId) -> Result<Cursor, Error> {
        self.in_time(self.projection.cursor(app)).await
    }

    /// Waits for the projection, which is the host's, for so long and no longer.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let late = |_| {
            let name = self.projection.name();
            let message = format!("projection {name} did not answer within {APPLY_MAX:?}");
            Err(Error::new(
                ErrorKind::Unavailable,
                "projection_slow",
                message,
            ))
        };
        timeout(APPLY_MAX, answer).await.unwrap_or_else(late)
    }

    /// Returns the cursor after a projection has refused a stretch because of it.
    async fn moved(&self, refused: &Stretch) -> Result<Cursor, Error> {
        let cursor = self.cursor(&refused.app).await?;
        if cursor == refused.from {
            let name = self.projection.name();
            let message = format!("projection {name} refuses its own cursor {cursor}");
            return Err(Error::new(
                ErrorKind::Unavailable,
                "projection_stands",
                message,
            ));
        }
        Ok(cursor)
    }

    fn partition(&self, app: &AppId) -> Result<Partition, Error> {
        partition(app, &self.feed, self.projection.name())
    }
}

#[async_trait]
impl Handler for Projector {
    fn kind(&self) -> &str {
        &self.kind
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Done, HandlerError> {
        let app = app_of(&delivery.partition)?;
        let (_, more) = self.project(&app).await?;
        let now = self.engine.now();
        Ok(Done::Again(if more {
            now
        } else {
            now.plus(PROJECT_EVERY)
        }))
    }
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("feed", &self.feed)
            .field("projection", &self.projection)
            .finish_non_exhaustive()
    }
}

/// Returns the kind of the work of a projection, which no other pair of names has.
fn kind_of(feed: &Name, projection: &Name) -> String {
    let has_dot = |name: &Name| name.as_str().contains('.');
    if has_dot(feed) || has_dot(projection) {
        // No name has a colon.
        format!("feed.project.{feed}:{projection}")
    } else {
        former_kind_of(feed, projection)
    }
}

/// Returns the kind as releases named it that let `a.b` with `c` and `a` with `b.c` share one; what is
/// left under it is taken over when the projection starts.
fn former_kind_of(feed: &Name, projection: &Name) -> String {
    format!("feed.project.{feed}.{projection}")
}

/// Returns half the length of a stretch that failed, or its error if it is one event.
fn half_of(failed: &Stretch, error: Error) -> Result<u32, Error> {
    match &failed.events[..] {
        [event] => {
            let message = format!("event {} at {}: {error}", event.id(), event.position);
            Err(Error::new(error.kind(), error.code(), message).with_source(error))
        }
        events => Ok(u32::try_from(events.len() / 2).unwrap_or(1)),
    }
}

/// The root of a projection's partition: the cursor of a subscriber; other projections keep their
/// own.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Progress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
    /// Whether the timer was set together with the root, so that it stands there, alive or dead: it is
    /// never finished. Older releases do not say so, and events may be handed over without a timer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    going: bool,
}

impl Progress {
    /// Returns it at another cursor.
    pub(super) const fn moved_to(self, cursor: Cursor) -> Self {
        let cursor = Some(cursor);
        Self { cursor, ..self }
    }

    /// Returns it with its timer set, from another cursor if there is one.
    fn set_going(self, from: Option<Cursor>) -> Self {
        let cursor = from.or(self.cursor);
        Self {
            cursor,
            going: true,
        }
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.cursor.unwrap_or_default()
    }
}

impl Document for Progress {
    const KIND: &'static str = "feed.projection";
    const FORMAT: u32 = 1;
}

/// The work of projecting what has come in.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Project {}

impl Document for Project {
    const KIND: &'static str = "feed.project";
    const FORMAT: u32 = 1;
}

/// Returns the partition of a projection.
pub(super) fn partition(app: &AppId, feed: &Feed, projection: &Name) -> Result<Partition, Error> {
    Partition::new(app, "projection", &format!("{}/{projection}", feed.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_projections_have_one_kind_of_work() {
        let names = ["a", "b", "a.b", "b.a", "a.", ".a", ".", "a-b", "a_b"];
        let names = names.map(|name| Name::new(name).ok()).into_iter();
        let names: Vec<Name> = names.flatten().collect();
        assert!(names.len() > 4);
        let mut kinds = std::collections::BTreeSet::new();
        for feed in &names {
            for projection in &names {
                let kind = kind_of(feed, projection);
                assert!(kinds.insert(kind.clone()), "{kind}");
            }
        }
    }
}
