//! What the SQL stores refuse before they ask their engines.

use super::{Batch, Limits, StoreError, Write};

/// Checks what every store must refuse, and what these engines cannot keep.
pub(in crate::store) fn check_batch(batch: &Batch, limits: &Limits) -> Result<(), StoreError> {
    batch.check(limits)?;
    if !batch.writes.iter().all(is_text) {
        return Err(StoreError::invalid("commit", "a value is not UTF-8 text"));
    }
    // The engines' integers end at half of ours, so that no head is as high as this.
    if batch.expect.0 >= i64::MAX.unsigned_abs() {
        return Err(StoreError::conflict());
    }
    Ok(())
}

fn is_text(write: &Write) -> bool {
    write
        .value()
        .is_none_or(|value| std::str::from_utf8(value).is_ok())
}
