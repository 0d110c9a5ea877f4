use std::io;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Cursor;
use crate::{
    clock::Timestamp,
    document::{self, Document},
    error::{Error, ErrorKind},
};

/// How deep objects and lists are nested in a fact at most: half of what a stored value may be
/// ([`document::DEPTH_MAX`]), so that a fact comes in whatever it stands in on its way.
pub const FACT_DEPTH_MAX: usize = 64;

/// Something that happened to an aggregate, in its place in a feed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its place in the feed, from 1, without gaps.
    pub position: Cursor,
    /// What it is about, such as `payment.captured`; skip those you do not know.
    pub topic: String,
    /// The partition it happened in, the app left out: `pay/pi_…`.
    pub source: String,
    /// Counts the events of the source in this feed, from 1, in the order in which they were decided.
    pub number: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// When it came into the feed.
    pub recorded_at: Timestamp,
    /// What happened, in the form that its topic has.
    pub fact: Value,
}

impl Event {
    /// Returns the event's name, the same for ever and unique in the app's feed: `pay/pi_…#2`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}#{}", self.source, self.number)
    }

    /// Reads the fact.
    ///
    /// # Errors
    ///
    /// `corrupt_event` if it is not of the form asked for.
    pub fn fact<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&self.fact).map_err(|error| {
            let message = format!(
                "{} of {} is not of the form expected",
                self.topic,
                self.id()
            );
            Error::new(ErrorKind::Corrupt, "corrupt_event", message).with_source(error)
        })
    }
}

impl Document for Event {
    const KIND: &'static str = "feed.entry";
    const FORMAT: u32 = 1;
}

/// Something that a decision has to tell a feed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct News {
    /// What it is about, such as `payment.captured`.
    pub topic: String,
    /// What happened.
    pub fact: Value,
}

impl News {
    /// Joins a topic with what happened.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the fact does not serialise as JSON, or is nested deeper than [`FACT_DEPTH_MAX`].
    pub fn new(topic: &str, fact: &impl Serialize) -> Result<Self, Error> {
        let fact = serde_json::to_value(fact).map_err(|error| {
            Error::invalid("fact", "does not serialise as JSON").with_source(error)
        })?;
        if document::depth(&fact) > FACT_DEPTH_MAX {
            return Err(Error::invalid("fact", "is nested too deep"));
        }
        let topic = topic.to_owned();
        Ok(Self { topic, fact })
    }

    /// Returns how long it is as text, in bytes.
    pub(super) fn text_length(&self) -> Result<usize, Error> {
        let mut length = Length(0);
        serde_json::to_writer(&mut length, self).map_err(|error| {
            Error::invalid("fact", "does not serialise as JSON").with_source(error)
        })?;
        Ok(length.0)
    }
}

/// Counts what is written, and keeps nothing of it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
