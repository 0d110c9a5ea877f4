use async_trait::async_trait;

use super::{Partition, Store, StoreError};

/// A store that can also list what it holds: for operators, audits, and indexes that are rebuilt.
///
/// No decision needs it, so a store may do without; [`Retention`](crate::retention::Retention) does, so
/// what is kept by a store without it is kept for ever.
///
/// # Contract
///
/// Numbered on from that of [`Store`].
///
/// 14. *Complete.* A partition that exists before the first page is asked for is on exactly one of
///     the pages, each asked for after the last partition of the one before, until one is empty;
///     others may be made meanwhile.
/// 15. *Paged.* Partitions come in the order of their ids, no more than the limit on a page; a limit
///     over [`Limits::read_max`](super::Limits::read_max) is `Invalid`.
#[async_trait]
pub trait Listing: Store {
    /// Lists partitions in the order of their ids, after the given one.
    ///
    /// # Errors
    ///
    /// `Invalid` if the limit is over [`Limits::read_max`](super::Limits::read_max);
    /// `Unavailable`, `Corrupt`.
    async fn partitions(
        &self,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError>;
}
