use std::path::PathBuf;

use thiserror::Error;

use crate::database_url::DatabaseUrl;

/// Why a file or a database could not be audited.
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
    #[error("cannot connect to {url}: name a database that an evening was kept in")]
    Connect {
        url: DatabaseUrl,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("the database cannot be read as a store")]
    Query(#[from] tokio_postgres::Error),
    #[error("the store holds no evening: name one that an evening was kept in")]
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
