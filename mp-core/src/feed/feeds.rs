use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    Cursor, Feed, Stretch,
    dead::DeadWork,
    emission::{Emission, source_of},
    log::{self, Appended, Head, TRIM_EVERY, Trim, append, appending, day_of, event_key},
    overtaken::{Place, TURN_MAX, Turns},
    projector::STINT,
    tick::{TICK_OF_FULL, next_tick},
};
use crate::{
    clock::Timestamp,
    document,
    engine::Engine,
    error::{Error, ErrorKind},
    id::AppId,
    store::{Delivery, Key, Partition, Query, Selection, View},
    work::{self, Done, Handler, HandlerError},
};

/// For how long a feed keeps its events, unless the host says otherwise.
pub const FEED_MEMORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The shortest memory: what lies in an outbox for longer than a feed remembers cannot come in.
pub const FEED_MEMORY_MIN: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How old an emission is before it is asked whether what it waits for is dead: as long as other work is
/// tried.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// How many events, and how many marks, are forgotten in one commit.
const TRIM_MAX: u64 = 512;

/// The feeds of all apps: reads them, and does the work that fills and trims them.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feeds {
    engine: Engine,
    memory: Duration,
    turns: Turns,
    dead: DeadWork,
}

impl Feeds {
    /// Keeps feeds in the engine's store.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            memory: FEED_MEMORY,
            turns: Turns::default(),
            dead: DeadWork::default(),
        }
    }

    /// Keeps events for this long, [`FEED_MEMORY_MIN`] at least.
    ///
    /// What a projection has not seen by then, it never will, and it hears of that if it has seen
    /// anything before; what waits in an outbox for longer is dead, for a person to look at.
    #[must_use]
    pub fn with_memory(mut self, memory: Duration) -> Self {
        self.memory = memory.max(FEED_MEMORY_MIN);
        self
    }

    /// Returns the handlers that bring events into their feeds and forget old ones: for a
    /// [`Worker`](work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let (filling, trimming) = (self.clone(), self.clone());
        vec![
            work::on(move |delivery: Delivery, emission: Emission| {
                let feeds = filling.clone();
                async move { feeds.fill(&delivery, emission).await }
            }),
            work::on(move |delivery: Delivery, _: Trim| {
                let feeds = trimming.clone();
                async move { Ok(feeds.trim(&delivery.partition).await?) }
            }),
        ]
    }

    /// Returns the events after a cursor: at most `limit`, and [`read_max`](crate::store::Limits::read_max)
    /// of the store in any case.
    ///
    /// It is the operator's and takes no [`Caller`](crate::Caller): whose feed it is shown, is for the host to
    /// say.
    ///
    /// # Errors
    ///
    /// `feed_forgotten` if the feed begins after the cursor, unless that is [`Cursor::START`];
    /// `feed_ends_before` if it ends before it: a projection sets the cursor that it keeps, a subscriber's
    /// is set by [`Projector::begin_at`](super::Projector::begin_at);
    /// the store's errors.
    pub async fn read(
        &self,
        app: &AppId,
        feed: &Feed,
        after: Cursor,
        limit: u32,
    ) -> Result<Stretch, Error> {
        let from = event_key(after.0.saturating_add(1));
        let partition = feed.partition(app)?;
        let view = self.view(&partition, &from, AFTER_EVENTS, limit).await?;
        Stretch::of(app, after, view)
    }

    async fn view(
        &self,
        partition: &Partition,
        from: &str,
        to: &str,
        limit: u32,
    ) -> Result<View, Error> {
        let store = self.engine.store();
        let (from, to) = (Key::new(from)?, Key::new(to)?);
        let query = Query {
            select: vec![Selection::Range { from, to }],
            limit: limit.min(store.limits().read_max),
        };
        Ok(store.read(partition, &query).await?)
    }

    async fn fill(&self, delivery: &Delivery, emission: Emission) -> Result<Done, HandlerError> {
        let partition = &delivery.partition;
        let feed = Feed::new(emission.feed.clone()).partition(&app_of(partition)?)?;
        let before = Place {
            feed,
            source: source_of(partition).to_owned(),
            number: emission.first().saturating_sub(1),
        };
        let emission = Arc::new(emission);
        match self.append_in_turn(&before, &emission).await? {
            Appended::Done => Ok(Done::Finished),
            Appended::TooOld => Err(HandlerError::GiveUp(too_old())),
            Appended::Gap { .. } if self.waits_for_the_dead(delivery, &emission).await? => {
                Err(HandlerError::Retry(gap()))
            }
            Appended::Gap { missing } => Ok(self.again(&emission, missing, Duration::ZERO)),
            Appended::Full => {
                let feed = &before.feed;
                tracing::warn!(%feed, "a feed is full: keep its events for a shorter time");
                Ok(self.again(&emission, 0, TICK_OF_FULL))
            }
        }
    }

    /// Postpones an emission whose turn has not come, which is no failure, however often.
    fn again(&self, emission: &Emission, missing: u64, shortest: Duration) -> Done {
        let now = self.engine.now();
        Done::Again(next_tick(now, emission.at, missing, shortest))
    }

    /// Returns whether an emission is old, and an earlier one of the same source and feed lies dead, or did
    /// a minute ago.
    async fn waits_for_the_dead(
        &self,
        delivery: &Delivery,
        emission: &Emission,
    ) -> Result<bool, Error> {
        if self.engine.now().since(emission.at) < PATIENCE {
            return Ok(false);
        }
        let (partition, earliest) = (&delivery.partition, emission.earliest_key()?);
        let first = self.dead.first_after(&self.engine, partition, &earliest);
        let waits = first.await?.is_some_and(|first| first < delivery.key);
        if !waits {
            let (feed, told) = (&emission.feed, emission.at);
            tracing::warn!(%partition, %feed, ?told, "an event waits for one before it that is not dead");
        }
        Ok(waits)
    }

    /// Appends an emission; one that was faster than what its source told before waits for its turn, for
    /// a moment.
    ///
    /// It waits for another one as long as the source moves on, and if a tick came meanwhile, at which
    /// what is before it has come due: left until the next tick, it would hold up those behind it.
    async fn append_in_turn(
        &self,
        before: &Place,
        emission: &Arc<Emission>,
    ) -> Result<Appended, Error> {
        let (begun, mut appended) = (Instant::now(), self.append(before, emission).await?);
        while let Appended::Gap { missing } = appended {
            let tick = next_tick(self.engine.now(), emission.at, missing, Duration::ZERO);
            appended = self.append_after_turn(before, emission).await?;
            let moves = appended.missing() < missing || tick <= self.engine.now();
            if !moves || begun.elapsed() >= STINT {
                break;
            }
        }
        Ok(appended)
    }

    /// Appends an emission when its turn has come, or after a moment.
    async fn append_after_turn(
        &self,
        before: &Place,
        emission: &Arc<Emission>,
    ) -> Result<Appended, Error> {
        let turn = self.turns.after(before.clone());
        let comes = turn.comes();
        // What is before it may have come in when nobody waited for it yet.
        let appended = self.append(before, emission).await?;
        if appended.missing() == 0 {
            return Ok(appended);
        }
        // Nobody here is woken by what comes in by another process.
        let _ = timeout(TURN_MAX, comes).await;
        self.append(before, emission).await
    }

    /// Appends an emission if it is its turn, and hands on to the next of its source.
    async fn append(&self, before: &Place, emission: &Arc<Emission>) -> Result<Appended, Error> {
        let (source, news) = (before.source.clone(), emission.clone());
        let command = appending(before.feed.clone(), emission, &source);
        let decide = move |family: &_, now| append(family, &news, &source, now);
        let appended = self.engine.run(command, decide).await?.answer;
        if appended == Appended::Done {
            self.turns.came_in(&before.at(emission.last()));
        }
        Ok(appended)
    }

    /// Forgets what is older than the memory, a commit at a time, and goes on at once with what is not
    /// done after a while.
    async fn trim(&self, partition: &Partition) -> Result<Done, Error> {
        let (now, begun) = (self.engine.now(), Instant::now());
        let until = now.minus(self.memory);
        while self.trim_some(partition, until).await? {
            if begun.elapsed() >= STINT {
                return Ok(Done::Again(now));
            }
        }
        Ok(Done::Again(now.plus(TRIM_EVERY)))
    }

    /// Forgets some of what is older; returns whether there may be more.
    async fn trim_some(&self, partition: &Partition, until: Timestamp) -> Result<bool, Error> {
        let most = u32::try_from(TRIM_MAX).unwrap_or(u32::MAX);
        let oldest = self
            .view(partition, FIRST_EVENT, AFTER_EVENTS, most)
            .await?;
        let Some(root) = oldest.records.first() else {
            return Ok(false);
        };
        let first = document::decode::<Head>(&root.value)?.0.first;
        let mut end = first;
        for record in &oldest.records[1..] {
            let event = document::decode::<super::Event>(&record.value)?.0;
            if event.recorded_at >= until {
                break;
            }
            end = event.position.0 + 1;
        }
        let day = day_of(until);
        let lapsed = self
            .view(partition, FIRST_MARK, &log::marks_of(day), most)
            .await?;
        let marks = lapsed.records.iter().skip(1);
        let marks: Vec<String> = marks.map(|record| record.key.to_string()).collect();
        let more = end - first == TRIM_MAX || lapsed.more;
        let command = log::trimming(partition.clone(), first, end, &marks);
        let decide = move |family: &_, _| log::trim(family, end, &marks, day);
        self.engine.run(command, decide).await?;
        Ok(more)
    }
}

const FIRST_EVENT: &str = "e/";
/// What sorts behind every event: `0` follows `/`.
const AFTER_EVENTS: &str = "e0";
const FIRST_MARK: &str = "s/";

pub(super) fn app_of(partition: &Partition) -> Result<AppId, HandlerError> {
    AppId::new(partition.app()).map_err(|error| {
        HandlerError::GiveUp(Error::invalid("app", "names nothing").with_source(error))
    })
}

fn gap() -> Error {
    let message = "an earlier event of the same source is not in the feed yet";
    Error::new(ErrorKind::Unavailable, "feed_gap", message)
}

fn too_old() -> Error {
    let message = "the feed has forgotten whether the event came in before";
    Error::new(ErrorKind::Refused, "feed_too_old", message)
}
