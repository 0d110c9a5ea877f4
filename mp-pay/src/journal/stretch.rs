//! How a journal is kept: the last entries, its tail, in the payment's root, and those before them
//! on pages.

use std::{fmt, sync::Arc};

use mp_core::{Document, Error, ErrorKind};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value, value::RawValue};

use super::{JournalEntry, Request};

/// The longest tail, in bytes of its entries: some twenty of them. A whole life has seven, so that
/// most journals have no page; and a longer tail would cost more in each root than it saves pages.
pub(crate) const TAIL_MAX: usize = 4 * 1024;

/// Entries that follow on each other, as they were written.
///
/// They are carried from one root to the next and onto a page without being read as entries: what
/// was written once stays as it is, also what only a newer release knows.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Stretch(Vec<Arc<RawValue>>);

impl Stretch {
    /// Writes entries.
    pub(crate) fn of(entries: impl IntoIterator<Item = JournalEntry>) -> Result<Self, Error> {
        let write = |entry| serde_json::value::to_raw_value(&entry).map(Arc::from);
        let written: Result<_, _> = entries.into_iter().map(write).collect();
        written.map(Self).map_err(corrupt)
    }

    /// Reads the entries.
    pub(crate) fn entries(&self) -> Result<Vec<JournalEntry>, Error> {
        let entries = self.0.iter().map(|written| read(written));
        entries.collect()
    }

    /// Returns the number of the first entry, if there is one.
    pub(crate) fn first(&self) -> Result<Option<u32>, Error> {
        self.0.first().map(|written| number(written)).transpose()
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether one of the entries was asked for by this very call.
    ///
    /// # Errors
    ///
    /// `idempotency_conflict` if one was asked for under its key that asks for something else.
    pub(crate) fn has_request(&self, request: &Request) -> Result<bool, Error> {
        let names = request.names().map_err(corrupt)?;
        // Most entries are not looked into: they have no such texts anywhere.
        let may_be = |it: &&Arc<RawValue>| names.iter().all(|name| it.get().contains(name));
        for written in self.0.iter().filter(may_be) {
            let asked: Asked = serde_json::from_str(written.get()).map_err(corrupt)?;
            if let Some(known) = asked.request
                && request.repeats(&known)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the tail that a journal has once `more` is appended to this one, and what leaves the
    /// tail because it would be too long: this one first, and then what is too long by itself.
    pub(crate) fn followed_by(mut self, more: Self) -> (Vec<JournalPage>, Self) {
        if self.length() + more.length() <= TAIL_MAX {
            self.0.extend(more.0);
            return (Vec::new(), self);
        }
        let (more, tail) = match more.length() <= TAIL_MAX {
            true => (Self::default(), more),
            false => (more, Self::default()),
        };
        let full = [self, more].into_iter().filter(|it| !it.0.is_empty());
        (full.map(|entries| JournalPage { entries }).collect(), tail)
    }

    fn length(&self) -> usize {
        self.0.iter().map(|written| written.get().len()).sum()
    }
}

/// What an entry says may be something to pay with, and is not shown.
impl fmt::Debug for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stretch({} entries)", self.0.len())
    }
}

/// Entries that have left the tail, in a record that is written once and never changed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JournalPage {
    entries: Stretch,
}

impl JournalPage {
    /// Returns the key of its record, by which pages follow on each other.
    pub(crate) fn key(&self) -> Result<String, Error> {
        let first = self.entries.first()?.unwrap_or_default();
        Ok(format!("j/{first:06}"))
    }

    pub(crate) const fn entries(&self) -> &Stretch {
        &self.entries
    }
}

impl Document for JournalPage {
    const KIND: &'static str = "payment_event";
    const FORMAT: u32 = 4;
}

/// A page, or the one entry that a record of the formats 1 to 3 was.
#[derive(Deserialize)]
struct Stored {
    entries: Option<Stretch>,
    #[serde(flatten)]
    entry: Map<String, Value>,
}

impl<'de> Deserialize<'de> for JournalPage {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Stored { entries, mut entry } = Stored::deserialize(from)?;
        if let Some(entries) = entries {
            return Ok(Self { entries });
        }
        entry.retain(|name, _| name != "kind" && name != "format");
        let written = serde_json::value::to_raw_value(&entry).map_err(de::Error::custom)?;
        let entries = Stretch(vec![Arc::from(written)]);
        entries.first().map_err(de::Error::custom)?;
        Ok(Self { entries })
    }
}

/// The part of an entry that tells its place.
#[derive(Deserialize)]
struct Numbered {
    number: u32,
}

/// The part of an entry that tells who asked for it.
#[derive(Deserialize)]
struct Asked {
    request: Option<Request>,
}

fn number(written: &RawValue) -> Result<u32, Error> {
    let numbered: Result<Numbered, _> = serde_json::from_str(written.get());
    numbered.map(|it| it.number).map_err(corrupt)
}

fn read(written: &RawValue) -> Result<JournalEntry, Error> {
    serde_json::from_str(written.get()).map_err(corrupt)
}

fn corrupt(error: serde_json::Error) -> Error {
    let message = "an entry of a payment's journal does not read back";
    Error::new(ErrorKind::Corrupt, "corrupt_record", message).with_source(error)
}
