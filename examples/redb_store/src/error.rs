use std::{io, sync::Arc};

use mp_core::store::{Key, Partition, StoreError, StoreErrorKind};
use redb::Error;

/// Says what a caller can do about an error of the engine's after which nothing was written.
pub(crate) fn store_error(op: &'static str, error: impl Into<Arc<Error>>) -> StoreError {
    let error = error.into();
    let kind = match &*error {
        Error::Corrupted(_) | Error::TableTypeMismatch { .. } | Error::RepairAborted => {
            StoreErrorKind::Corrupt
        }
        Error::Io(error) => match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreErrorKind::ReadOnly
            }
            io::ErrorKind::InvalidData => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Unavailable,
        },
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, op, error)
}

/// Says that after a write of unknown outcome nothing more is done.
pub(crate) fn closed(op: &'static str) -> StoreError {
    let problem = "a write failed: open the store again";
    StoreError::new(StoreErrorKind::Unavailable, op, problem)
}

/// Reads a partition id back.
pub(crate) fn partition(id: &str) -> Result<Partition, Error> {
    Partition::parse(id).map_err(|error| Error::Corrupted(error.to_string()))
}

/// Reads a key back.
pub(crate) fn key(text: &str) -> Result<Key, Error> {
    Key::new(text).map_err(|error| Error::Corrupted(error.to_string()))
}
