use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::News;
use crate::{
    clock::Timestamp,
    document::Document,
    engine::{Command, Edits, Family},
    error::Error,
    id::{AppId, Name},
    store::{Key, Limits, Partition},
};

/// The most news that one decision tells one feed.
pub const NEWS_MAX: usize = 256;

/// The longest partition id that can tell a feed anything, the app left out, in bytes.
pub const SOURCE_LENGTH_MAX: usize = 240;

/// The longest text of one [`News`], topic and fact together, in bytes: what a store takes as a value, less
/// room for where the event comes from and when, which the feed keeps beside it.
pub const NEWS_LENGTH_MAX: usize = Limits::STANDARD.value_max - 1_024;

/// The longest text of all [`News`] that one decision tells one feed, in bytes, each after the first counted
/// as [`NEWS_NUMBER_LENGTH`] longer: they wait together as one value.
pub const NEWS_LENGTH_SUM_MAX: usize = NEWS_LENGTH_MAX;

/// How long the number of one of several [`News`] is at most where they wait, in bytes, with what parts it
/// from the others.
pub const NEWS_NUMBER_LENGTH: usize = r#","18446744073709551615":"#.len();

/// What the keys of [`Source`]s begin with.
const SOURCES: &str = "feed/";

/// Names a feed, of which every app has one of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feed {
    name: Name,
}

impl Feed {
    /// Names a feed.
    #[must_use]
    pub const fn new(name: Name) -> Self {
        Self { name }
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the partition that an app's feed stands in.
    ///
    /// # Errors
    ///
    /// None in fact: an app id and a name always make a partition id.
    pub fn partition(&self, app: &AppId) -> Result<Partition, Error> {
        Partition::new(app, "feed", self.name.as_str())
    }

    /// Selects what [`emit`](Self::emit) reads.
    #[must_use]
    pub fn reads(&self, command: Command) -> Command {
        command.key(&self.source_key())
    }

    /// Selects what [`emit`](Self::emit) reads, whichever feed it is: for a decision that learns from
    /// its records which one to tell.
    #[must_use]
    pub fn reads_of_any(command: Command) -> Command {
        command.prefix(SOURCES)
    }

    /// Tells the feed something, in the commit of the decision that made it true.
    ///
    /// Due work brings it into the feed: once, and after everything that this partition has told
    /// the feed before. Call it once per decision; the command must select what it
    /// [`reads`](Self::reads).
    ///
    /// # Errors
    ///
    /// `invalid_field` for more than [`NEWS_MAX`] news, a fact whose text is longer than
    /// [`NEWS_LENGTH_MAX`], news that are longer than [`NEWS_LENGTH_SUM_MAX`] together, or a partition whose id
    /// is longer than [`SOURCE_LENGTH_MAX`]; `not_loaded`.
    pub fn emit(
        &self,
        family: &Family,
        now: Timestamp,
        news: Vec<News>,
        edits: &mut Edits,
    ) -> Result<(), Error> {
        if news.is_empty() {
            return Ok(());
        }
        check_lengths(&news)?;
        if source_of(family.partition()).len() > SOURCE_LENGTH_MAX {
            return Err(Error::invalid("partition", "is too long to tell a feed"));
        }
        let before = family.get::<Source>(&self.source_key())?;
        let told = before.as_ref().map_or(0, |source| source.told);
        let news: BTreeMap<u64, News> = (told + 1..).zip(news).collect();
        let told = told + news.len() as u64;
        let emission = Emission {
            feed: self.name.clone(),
            at: now,
            after: before.map(|source| source.at),
            news,
        };
        edits.send_new(&id_of(&self.name, told), now, &emission);
        edits.put(&self.source_key(), Source { told, at: now });
        Ok(())
    }

    fn source_key(&self) -> String {
        format!("{SOURCES}{}", self.name)
    }
}

/// How much a partition has told a feed, in that partition.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Source {
    /// The number of the last event.
    pub(super) told: u64,
    /// When it was told.
    pub(super) at: Timestamp,
}

impl Document for Source {
    const KIND: &'static str = "feed.source";
    const FORMAT: u32 = 1;
}

/// The work of bringing what one decision told into the feed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Emission {
    pub(super) feed: Name,
    pub(super) at: Timestamp,
    /// When the source told the feed something before.
    pub(super) after: Option<Timestamp>,
    /// By the number of the event; there is at least one.
    pub(super) news: BTreeMap<u64, News>,
}

impl Document for Emission {
    const KIND: &'static str = "feed.event";
    const FORMAT: u32 = 1;
}

impl Emission {
    /// Returns the number of the first event.
    pub(super) fn first(&self) -> u64 {
        self.news.first_key_value().map_or(1, |(number, _)| *number)
    }

    /// Returns the key before all work of telling this feed something.
    pub(super) fn earliest_key(&self) -> Result<Key, Error> {
        Key::new(&format!("~o/{}/{}", Self::KIND, id_of(&self.feed, 0)))
    }

    /// Returns the number of the last event.
    pub(super) fn last(&self) -> u64 {
        self.news.last_key_value().map_or(0, |(number, _)| *number)
    }
}

/// Refuses news that one decision cannot tell together.
fn check_lengths(news: &[News]) -> Result<(), Error> {
    if news.len() > NEWS_MAX {
        return Err(Error::invalid("news", "are too many for one decision"));
    }
    let mut sum = (news.len() - 1) * NEWS_NUMBER_LENGTH;
    for each in news {
        let length = each.text_length()?;
        if length > NEWS_LENGTH_MAX {
            return Err(Error::invalid("fact", "is too long to come into a feed"));
        }
        sum += length;
    }
    if sum > NEWS_LENGTH_SUM_MAX {
        return Err(Error::invalid("news", "are too long for one decision"));
    }
    Ok(())
}

/// Returns the id of the message with the event of this number as its last; text order is their order.
fn id_of(feed: &Name, last: u64) -> String {
    format!("{feed}.{last:012}")
}

/// Returns how a feed names the partition that tells it something.
pub(super) fn source_of(partition: &Partition) -> &str {
    partition.id().split_once('/').map_or("", |(_, rest)| rest)
}
