//! How a feed stands in its partition: `e/{position}` the events, `s/{day}/{source}` how many
//! events of a source came in that were told on that day, the root where the feed begins and ends.
//!
//! The marks are what makes an event come in once and in its source's order. They are filed by the
//! day on which the last of the events was *told*, which is the same whenever the work is done: so
//! they can be forgotten by the day, and what is older than all marks is refused rather than guessed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cursor, Event, emission::Emission};
use crate::{
    clock::Timestamp,
    document::Document,
    engine::{Command, Decision, Edits, Family},
    error::Error,
    store::Partition,
};

/// The most events that a feed keeps; more wait in their outboxes until older ones are forgotten.
pub const EVENTS_MAX: u64 = 10_000_000;

/// How often a feed forgets what is older than its memory.
pub(super) const TRIM_EVERY: Duration = Duration::from_secs(60 * 60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a feed begins and ends.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Head {
    /// The position of the oldest event that is kept.
    pub(super) first: u64,
    /// The position of the next event.
    pub(super) next: u64,
    /// The first day of which marks are kept, counted from 1970-01-01.
    pub(super) marks_from: u64,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            first: 1,
            next: 1,
            marks_from: 0,
        }
    }
}

impl Document for Head {
    const KIND: &'static str = "feed";
    const FORMAT: u32 = 1;
}

/// How far a source's events have come in.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Mark {
    pub(super) last: u64,
}

impl Document for Mark {
    const KIND: &'static str = "feed.mark";
    const FORMAT: u32 = 1;
}

/// The work of forgetting what is older than the feed's memory.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Trim {}

impl Document for Trim {
    const KIND: &'static str = "feed.trim";
    const FORMAT: u32 = 1;
}

/// What became of an emission.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Appended {
    /// Its events are in the feed.
    Done,
    /// So many earlier events of its source are not.
    Gap { missing: u64 },
    /// It is its turn, and the feed has no room.
    Full,
    /// It was told so long ago that nobody can say whether it came in before.
    TooOld,
}

impl Appended {
    /// Returns how many earlier events it waits for.
    pub(super) const fn missing(self) -> u64 {
        match self {
            Self::Gap { missing } => missing,
            Self::Done | Self::Full | Self::TooOld => 0,
        }
    }
}

/// Addresses what [`append`] reads.
pub(super) fn appending(partition: Partition, emission: &Emission, source: &str) -> Command {
    let command = Command::on(partition).key(&mark_key(day_of(emission.at), source));
    match emission.after {
        Some(after) => command.key(&mark_key(day_of(after), source)),
        None => command,
    }
}

/// Decides what becomes of an emission: its events come in together, once, and after those before.
pub(super) fn append(
    family: &Family,
    emission: &Emission,
    source: &str,
    now: Timestamp,
) -> Result<Decision<Appended>, Error> {
    let head = family.root::<Head>()?;
    let mut head = head.map_or_else(Head::default, |head| *head);
    let day = day_of(emission.at);
    if day < head.marks_from {
        return Ok(Decision::unchanged(Appended::TooOld));
    }
    let mark = mark_key(day, source);
    let last = last_of(family, &mark)?;
    if last >= emission.last() {
        return Ok(Decision::unchanged(Appended::Done));
    }
    let missing = missing(family, &head, emission, source, last)?;
    if missing > 0 {
        return Ok(Decision::unchanged(Appended::Gap { missing }));
    }
    if head.next - head.first + emission.news.len() as u64 > EVENTS_MAX {
        return Ok(Decision::unchanged(Appended::Full));
    }
    let mut edits = Edits::new();
    for (number, news) in &emission.news {
        let event = Event {
            position: Cursor(head.next),
            topic: news.topic.clone(),
            source: source.to_owned(),
            number: *number,
            at: emission.at,
            recorded_at: now,
            fact: news.fact.clone(),
        };
        let key = event_key(head.next);
        edits.declare_new(&key);
        edits.put(&key, event);
        head.next += 1;
    }
    let last = emission.last();
    edits.put(&mark, Mark { last });
    if !family.exists() {
        edits.schedule("all", now.plus(TRIM_EVERY), &Trim {});
    }
    edits.put_root(head);
    Ok(edits.answer(Appended::Done))
}

/// Returns how many events that the source told before are not in the feed, given how far it has come
/// on the day of the emission; none, if they never will be because they are older than all marks.
fn missing(
    family: &Family,
    head: &Head,
    emission: &Emission,
    source: &str,
    last: u64,
) -> Result<u64, Error> {
    let day_before = emission.after.map(day_of);
    let Some(after) = day_before.filter(|after| *after >= head.marks_from) else {
        return Ok(0);
    };
    let last = last.max(last_of(family, &mark_key(after, source))?);
    Ok(emission.first().saturating_sub(last + 1))
}

fn last_of(family: &Family, mark: &str) -> Result<u64, Error> {
    Ok(family.get::<Mark>(mark)?.map_or(0, |mark| mark.last))
}

/// Addresses a range of events and some marks, to forget them.
pub(super) fn trimming(partition: Partition, first: u64, end: u64, marks: &[String]) -> Command {
    let command = (first..end).fold(Command::on(partition), |command, position| {
        command.key(&event_key(position))
    });
    marks
        .iter()
        .fold(command, |command, mark| command.key(mark))
}

/// Decides to forget the events before `end`, marks, and the days before `marks_from`.
pub(super) fn trim(
    family: &Family,
    end: u64,
    marks: &[String],
    marks_from: u64,
) -> Result<Decision<()>, Error> {
    let Some(head) = family.root::<Head>()? else {
        return Ok(Decision::unchanged(()));
    };
    let mut edits = Edits::new();
    (head.first..end).for_each(|position| edits.delete(&event_key(position)));
    marks.iter().for_each(|mark| edits.delete(mark));
    let trimmed = Head {
        first: head.first.max(end),
        marks_from: head.marks_from.max(marks_from),
        ..*head
    };
    if trimmed != *head || !edits.is_empty() {
        edits.put_root(trimmed);
    }
    Ok(edits.answer(()))
}

/// Returns the key of an event; text order is the order of positions.
pub(super) fn event_key(position: u64) -> String {
    format!("e/{position:016}")
}

fn mark_key(day: u64, source: &str) -> String {
    format!("{}{source}", marks_of(day))
}

/// Returns what the keys of a day's marks start with.
pub(super) fn marks_of(day: u64) -> String {
    format!("s/{day:06}/")
}

/// Returns the days since 1970-01-01, in UTC.
pub(super) fn day_of(at: Timestamp) -> u64 {
    at.as_millis() / 1_000 / DAY.as_secs()
}
