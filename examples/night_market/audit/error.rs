use std::path::PathBuf;

use thiserror::Error;

/// Why a file could not be audited.
#[derive(Debug, Error)]
pub(super) enum AuditError {
    #[error("cannot open {path} for reading: name a file that an evening was kept in")]
    Open {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("the file cannot be read as a store")]
    Read(#[from] rusqlite::Error),
    #[error("the file holds no evening: name one that an evening was kept in")]
    NoEvening,
    #[error("the record {key:?} of {partition} is not what the market writes")]
    Record {
        partition: String,
        key: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the records of {partition} have no root")]
    NoRoot { partition: String },
}
