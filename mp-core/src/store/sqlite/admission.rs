//! What is refused before it is queued.

use crate::store::{Batch, Limits, StoreError, Write};

/// Checks what every store must refuse, and what this engine cannot keep.
pub(super) fn check_batch(batch: &Batch, limits: &Limits) -> Result<(), StoreError> {
    batch.check(limits)?;
    if !batch.writes.iter().all(is_text) {
        return Err(StoreError::invalid("commit", "a value is not UTF-8 text"));
    }
    // The engine's integers end at half of ours, so that no head is as high as this.
    if batch.expect.0 >= i64::MAX.unsigned_abs() {
        return Err(StoreError::conflict());
    }
    Ok(())
}

/// Checks how much is asked for.
pub(super) fn check_limit(op: &'static str, limit: u32, most: u32) -> Result<(), StoreError> {
    if limit > most {
        return Err(StoreError::invalid(op, "the limit is too high"));
    }
    Ok(())
}

fn is_text(write: &Write) -> bool {
    match write {
        Write::Put { value, .. } | Write::Deliver { value, .. } => {
            std::str::from_utf8(value).is_ok()
        }
        Write::Delete { .. } => true,
    }
}
