use std::fmt;

use async_trait::async_trait;

use super::{Cursor, Stretch};
use crate::{
    error::Error,
    id::{AppId, Name},
};

/// A view of a feed in the host's own tables; the host implements it.
///
/// The cursor is a row beside the others: because both are written in one transaction, each event
/// counts once, whatever crashes. A host without transactions implements
/// [`Subscriber`](super::Subscriber) instead.
///
/// # Contract
/// 1. *Together.* The rows and the cursor [`to`](Stretch::to) are committed in one transaction, or
///    neither is.
/// 2. *Checked.* If the cursor that stands there is not [`from`](Stretch::from), nothing is written:
///    another process has been there.
#[async_trait]
pub trait Projection: fmt::Debug + Send + Sync + 'static {
    /// Names the projection; no other one of the same feed has this name.
    fn name(&self) -> &Name;

    /// Returns the cursor that stands there for an app; [`Cursor::START`] if none does.
    ///
    /// # Errors
    ///
    /// Any; it is asked again after a pause, as it is when it has not answered within
    /// [`APPLY_MAX`](super::APPLY_MAX).
    async fn cursor(&self, app: &AppId) -> Result<Cursor, Error>;

    /// Writes what the events come to, and the new cursor; returns whether it did, which it does
    /// not where the [check](Self#contract) fails.
    ///
    /// # Errors
    ///
    /// Any; nothing later is handed over before the same events are applied. They are handed over
    /// again, fewer at a time and after growing pauses, until the projection stands still. An error
    /// that is `Invalid`, `Corrupt` or `Unsupported` stops it at once. Not being done within
    /// [`APPLY_MAX`](super::APPLY_MAX) is a failure too: the future is dropped then.
    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error>;
}
