use mp_core::{Document, Timestamp, id::AppId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BookId, ChainHash, Seal};

/// The head of a book: how long its journal is, and where its chain has got to.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Book {
    /// Its name.
    pub id: BookId,
    /// The app that keeps it.
    pub app: AppId,
    /// How many accounts were opened in it, those in transit left out.
    pub accounts: u32,
    /// How many entries its journal has.
    pub entries: u64,
    /// The number of the last entry that was closed and moved out; 0 if none was.
    #[serde(default)]
    pub closed: u64,
    /// What its closing has to be; none if it was never closed, or by a release that told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
    /// The hash of the last entry.
    pub hash: ChainHash,
    /// When it was opened.
    pub opened_at: Timestamp,
}

impl Document for Book {
    const KIND: &'static str = "ledger_book";
    const FORMAT: u32 = 1;
}

impl Book {
    /// Returns an empty book.
    #[must_use]
    pub const fn new(app: AppId, id: BookId, now: Timestamp) -> Self {
        Self {
            id,
            app,
            accounts: 0,
            entries: 0,
            closed: 0,
            seal: None,
            hash: ChainHash::START,
            opened_at: now,
        }
    }
}
