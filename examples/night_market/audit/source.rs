use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use super::{database::Database, error::AuditError, file::File, records::Records};
use crate::database_url::DatabaseUrl;

/// Where the records are that are audited: a file, with or without `sqlite:` before its path, or a
/// database.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Database(DatabaseUrl),
}

impl Source {
    /// Opens it for reading, as it is at this moment.
    pub(super) fn open(&self) -> Result<Box<dyn Records>, AuditError> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Database(url) => Box::new(Database::open(url)?),
        })
    }

    /// Returns what `--store` takes for it.
    pub(super) fn store(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Database(url) => url.to_string(),
        }
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        Ok(text
            .parse()
            .map_or_else(|_| Self::File(path.into()), Self::Database))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Database(url) => write!(f, "{url}"),
        }
    }
}
