use std::path::{Path, absolute};

use super::{error::store_error, options::SqliteOptions, part::Part, schema};
use crate::store::{StoreError, StoreErrorKind};

const OP: &str = "backup";

/// Copies the store as it is at one moment, while others read and write on.
///
/// Under its own name the copy appears only when all of it is on the disk.
pub(super) fn back_up(from: &Path, to: &Path, options: &SqliteOptions) -> Result<(), StoreError> {
    // The engine would take a path that begins with `file:` for a URI, which names another file.
    let to = &absolute(to).map_err(|error| StoreError::new(StoreErrorKind::Invalid, OP, error))?;
    if to.exists() {
        return Err(StoreError::invalid(OP, "the file to write exists already"));
    }
    // Empty, it is what the engine takes.
    let part = Part::beside(OP, to)?;
    part.share_like(from)?;
    let text = part
        .path()
        .to_str()
        .ok_or_else(|| StoreError::invalid(OP, "the path of the file to write is not UTF-8"))?;
    let connection = schema::open_keeper(from, options)?;
    connection
        .execute("VACUUM INTO ?1", [text])
        .map_err(|error| store_error(OP, error))?;
    part.publish(to)
}
