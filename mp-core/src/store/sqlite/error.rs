use std::sync::Arc;

use rusqlite::{Error, ErrorCode};

use crate::store::{StoreError, StoreErrorKind};

/// Says what a caller can do about an error of the engine's after which nothing was written.
pub(super) fn store_error(op: &'static str, error: impl Into<Arc<Error>>) -> StoreError {
    let error = error.into();
    StoreError::new(kind_of(&error), op, error)
}

fn kind_of(error: &Error) -> StoreErrorKind {
    match error {
        Error::SqliteFailure(failure, _) => kind_of_code(failure.code),
        // Something of another type or range than we write was found in the file.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..)
        | Error::SqlInputError { .. } => StoreErrorKind::Corrupt,
        Error::ToSqlConversionFailure(..) => StoreErrorKind::Invalid,
        _ => StoreErrorKind::Unavailable,
    }
}

fn kind_of_code(code: ErrorCode) -> StoreErrorKind {
    match code {
        ErrorCode::DiskFull => StoreErrorKind::Full,
        ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::AuthorizationForStatementDenied => StoreErrorKind::ReadOnly,
        ErrorCode::TooBig => StoreErrorKind::Invalid,
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::TypeMismatch
        | ErrorCode::ConstraintViolation => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    fn kind(answer: rusqlite::Result<()>) -> StoreErrorKind {
        store_error("commit", answer.expect_err("the engine refuses")).kind()
    }

    #[test]
    fn a_full_file_is_full() {
        let file = Connection::open_in_memory().expect("opens");
        file.execute_batch("CREATE TABLE t (v TEXT); PRAGMA max_page_count = 4")
            .expect("prepares");
        let fill = "INSERT INTO t VALUES (hex(zeroblob(100000)))";
        assert_eq!(kind(file.execute_batch(fill)), StoreErrorKind::Full);
    }

    #[test]
    fn a_file_that_may_only_be_read_is_read_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.db");
        let create = "CREATE TABLE t (v TEXT)";
        Connection::open(&path)
            .and_then(|file| file.execute_batch(create))
            .expect("prepares");
        let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let write = "INSERT INTO t VALUES ('')";
        let answer = file.and_then(|file| file.execute_batch(write));
        assert_eq!(kind(answer), StoreErrorKind::ReadOnly);
    }

    #[test]
    fn what_cannot_be_read_back_is_corrupt() {
        let file = Connection::open_in_memory().expect("opens");
        let answer = file.query_row("SELECT 'text'", [], |row| row.get::<_, i64>(0));
        assert_eq!(kind(answer.map(drop)), StoreErrorKind::Corrupt);
        let answer = file.query_row("SELECT -1", [], |row| super::super::column::version(row, 0));
        assert_eq!(kind(answer.map(drop)), StoreErrorKind::Corrupt);
    }

    #[test]
    fn the_cause_is_kept() {
        let file = Connection::open_in_memory().expect("opens");
        let error = file
            .execute_batch("SELECT * FROM absent")
            .expect_err("refused");
        let error = store_error("read", error);
        let source = std::error::Error::source(&error)
            .expect("a cause")
            .to_string();
        assert!(source.contains("no such table"), "{source}");
    }
}
