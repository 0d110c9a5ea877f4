//! What the SQL stores refuse before they ask their engines.

use std::collections::BTreeSet;

use super::{Batch, Limits, Partition, StoreError, Version, Write};

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

/// Checks how much is asked for.
pub(in crate::store) fn check_limit(
    op: &'static str,
    limit: u32,
    most: u32,
) -> Result<(), StoreError> {
    if limit > most {
        return Err(StoreError::invalid(op, "the limit is too high"));
    }
    Ok(())
}

/// Checks that no partition stands there twice; if one does, all are refused.
pub(in crate::store) fn check_once(
    batches: &[(Partition, Batch)],
) -> Result<(), Vec<Result<Version, StoreError>>> {
    let ids: BTreeSet<&str> = batches
        .iter()
        .map(|(partition, _)| partition.id())
        .collect();
    if ids.len() < batches.len() {
        let twice = StoreError::invalid("commit_many", "a partition is written twice");
        return Err(batches.iter().map(|_| Err(twice.clone())).collect());
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
