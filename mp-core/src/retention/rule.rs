use std::{fmt, time::Duration};

use crate::{clock::Timestamp, engine::Family, error::Error, idempotency::IDEMPOTENCY_MEMORY};

/// For how long an aggregate must at least have been left alone before it is retired: after that no
/// idempotency key in it is remembered any longer.
///
/// Answers are filed by the period they were given in and lapse one period later, so twice the time
/// for which they are promised is enough.
pub const AGE_MIN: Duration = IDEMPOTENCY_MEMORY.saturating_mul(2);

/// Says when aggregates of one kind are closed.
///
/// # Contract
/// 1. *Pure.* The answer depends on the arguments alone.
/// 2. *Cautious.* An aggregate is closed only if no command that may still succeed, no due work and
///    no other aggregate can need it; one that a newer release has written in a way which is not
///    understood is not.
pub trait Rule: fmt::Debug + Send + Sync + 'static {
    /// Returns the kind of the partitions, the second segment of their ids.
    fn kind(&self) -> &str;

    /// Returns whether the aggregate is closed; the family holds all its records.
    ///
    /// # Errors
    ///
    /// `corrupt_record`: it is left alone.
    fn is_closed(&self, family: &Family, now: Timestamp) -> Result<bool, Error>;
}
