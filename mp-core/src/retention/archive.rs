use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    error::{Error, ErrorKind},
    store::{Key, Partition, Record, Version},
};

/// Keeps what is moved out of the store; the host supplies it, or uses a
/// [`FileArchive`](super::FileArchive).
///
/// # Contract
/// 1. *Durable.* When `keep` answers `Ok`, all of it is kept, whatever happens then.
/// 2. *Whole.* Of one aggregate all records are kept, or nothing counts.
/// 3. *Repeatable.* The same aggregate may come again, at the same head or a later one: the mark in
///    the store names the head that counts.
#[async_trait]
pub trait Archive: fmt::Debug + Send + Sync + 'static {
    /// Keeps aggregates, and returns in which place, in a word that a person can find it by.
    ///
    /// # Errors
    ///
    /// Any: nothing is removed from the store then.
    async fn keep(&self, aggregates: Vec<Archived>, now: Timestamp) -> Result<String, Error>;
}

/// An aggregate as it was when it was retired: its partition at one head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Its partition.
    pub partition: Partition,
    /// The head version.
    pub head: Version,
    /// When the head was made.
    pub at: Timestamp,
    /// All records that decisions read, the root first, then in key order.
    pub records: Vec<Record>,
}

/// The form of the line, and of each record in it.
#[derive(Deserialize, Serialize)]
struct Line<'a> {
    format: u32,
    #[serde(borrow)]
    partition: std::borrow::Cow<'a, str>,
    head: u64,
    at: Timestamp,
    #[serde(borrow)]
    records: Vec<Entry<'a>>,
}

#[derive(Deserialize, Serialize)]
struct Entry<'a> {
    #[serde(borrow)]
    key: std::borrow::Cow<'a, str>,
    version: u64,
    #[serde(borrow)]
    value: &'a RawValue,
}

const FORMAT: u32 = 1;

impl Archived {
    /// Returns the aggregate as one line of JSON, without a line feed at its end:
    /// `{"format":1,"partition":…,"head":…,"at":…,"records":[{"key":…,"version":…,"value":…},…]}`.
    ///
    /// # Errors
    ///
    /// `corrupt_record` if a value is not JSON.
    pub fn to_line(&self) -> Result<String, Error> {
        let records = self.records.iter().map(|record| {
            let value = serde_json::from_slice::<&RawValue>(&record.value)?;
            Ok(Entry {
                key: record.key.as_str().into(),
                version: record.version.0,
                value,
            })
        });
        let records: Result<_, serde_json::Error> = records.collect();
        let line = Line {
            format: FORMAT,
            partition: self.partition.id().into(),
            head: self.head.0,
            at: self.at,
            records: records.map_err(corrupt)?,
        };
        let line = serde_json::to_string(&line).map_err(corrupt)?;
        // Between the tokens of a value may stand line feeds, in a string of JSON none.
        Ok(line.replace(['\n', '\r'], " "))
    }

    /// Reads a line back.
    ///
    /// # Errors
    ///
    /// `corrupt_record` if it is not such a line, or in a newer format.
    pub fn from_line(line: &str) -> Result<Self, Error> {
        let line: Line<'_> = serde_json::from_str(line).map_err(corrupt)?;
        if line.format > FORMAT {
            let message = "the archive is in the format of a newer release";
            return Err(Error::new(ErrorKind::Unsupported, "newer_archive", message));
        }
        let record = |entry: Entry<'_>| {
            Ok(Record {
                key: Key::new(&entry.key)?,
                version: Version(entry.version),
                value: Bytes::copy_from_slice(entry.value.get().as_bytes()),
            })
        };
        Ok(Self {
            partition: Partition::parse(&line.partition)?,
            head: Version(line.head),
            at: line.at,
            records: line
                .records
                .into_iter()
                .map(record)
                .collect::<Result<_, Error>>()?,
        })
    }
}

fn corrupt(error: serde_json::Error) -> Error {
    let message = "an aggregate does not go into the archive, or does not read back";
    Error::new(ErrorKind::Corrupt, "corrupt_record", message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archived(values: &[(&str, &'static str)]) -> Archived {
        let record = |(key, value): &(&str, &'static str)| Record {
            key: Key::new(key).expect("a valid key"),
            version: Version(7),
            value: Bytes::from_static(value.as_bytes()),
        };
        Archived {
            partition: Partition::parse("market/order/1").expect("a valid id"),
            head: Version(9),
            at: Timestamp::from_micros(1_800_000_000_000_000),
            records: values.iter().map(record).collect(),
        }
    }

    #[test]
    fn an_aggregate_reads_back_from_its_line_to_the_byte() {
        let all = archived(&[
            ("", r#"{"kind":"order","n":1.50,"é":"\n\u0000"}"#),
            ("a/1", r#"[1, 2e400, 9007199254740993]"#),
        ]);
        let line = all.to_line().expect("is JSON");
        assert_eq!(Archived::from_line(&line).expect("reads back"), all);
        assert!(line.starts_with(r#"{"format":1,"partition":"market/order/1","head":9,"at":"#));
    }

    #[test]
    fn a_line_has_no_line_feeds() {
        let line = archived(&[("", "{\n\"a\":\r\n1}")])
            .to_line()
            .expect("is JSON");
        assert!(!line.contains(['\n', '\r']), "{line}");
    }

    #[test]
    fn what_is_not_json_is_not_archived() {
        let error = archived(&[("", "{")]).to_line().expect_err("is refused");
        assert_eq!(error.code(), "corrupt_record");
    }

    #[test]
    fn a_newer_line_is_not_guessed_at() {
        let line = archived(&[("", "{}")]).to_line().expect("is JSON");
        let newer = line.replace(r#""format":1"#, r#""format":2"#);
        let error = Archived::from_line(&newer).expect_err("is refused");
        assert_eq!(error.code(), "newer_archive");
    }
}
