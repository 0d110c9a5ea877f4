use std::fmt;

use async_trait::async_trait;

use super::{Batch, StoreError, Version, View};

/// A partition as it was read, and the hold that keeps it so for a moment.
#[derive(Debug)]
pub struct Held {
    /// What was read, of one moment.
    pub view: View,
    /// What keeps others from changing it.
    pub hold: Box<dyn Hold>,
}

/// Keeps others from changing a partition until it commits, is released or is dropped, or until the
/// store takes it away.
///
/// Nothing rests on it: a store may end it at any time.
///
/// # Contract
/// 16. *Held.* A hold shows what a read shows. Its commit is applied whole or not at all, checked and
///     durable as any other. Once it has ended, whichever way, others commit as before.
#[async_trait]
pub trait Hold: fmt::Debug + Send {
    /// Applies a batch to the held partition as [`Store::commit`](super::Store::commit) does, and
    /// ends the hold, whatever comes of it. If its future is dropped, nobody knows what came of it.
    ///
    /// # Errors
    ///
    /// Those of `commit`; after `Unavailable` the caller may do without the hold.
    async fn commit(self: Box<Self>, batch: Batch) -> Result<Version, StoreError>;

    /// Ends the hold; nothing has changed.
    async fn release(self: Box<Self>);
}
