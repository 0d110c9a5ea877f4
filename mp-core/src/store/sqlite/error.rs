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
