use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use async_trait::async_trait;

use crate::{
    clock::Timestamp,
    document::{self, Document},
    error::{Error, ErrorKind},
    retention,
    store::Delivery,
};

/// What a handler says of work that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is finished; the delivery is removed.
    Finished,
    /// It has to be looked at again at this time; this is no failure and counts towards no limit.
    Again(Timestamp),
}

/// Why a handler could not do its work.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandlerError {
    /// It may succeed later: it is tried again after a pause.
    Retry(Error),
    /// It never will: the delivery is dead at once.
    GiveUp(Error),
}

impl From<Error> for HandlerError {
    /// Gives up on what no repetition can mend, retries the rest.
    fn from(error: Error) -> Self {
        match error.kind() {
            _ if error.code() == retention::ARCHIVED => Self::GiveUp(error),
            ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Invalid => Self::GiveUp(error),
            _ => Self::Retry(error),
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(error) => write!(f, "retry: {error}"),
            Self::GiveUp(error) => write!(f, "give up: {error}"),
        }
    }
}

impl std::error::Error for HandlerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Retry(error) | Self::GiveUp(error) => error.source(),
        }
    }
}

/// Does one kind of work.
///
/// # Contract
/// 1. *Idempotent.* The same delivery may be handled twice, in two processes at once if a lease
///    runs out; the second time changes nothing.
#[async_trait]
pub trait Handler: fmt::Debug + Send + Sync + 'static {
    /// Returns the kind of work, the second segment of the delivery's key.
    fn kind(&self) -> &str;

    /// Does the work.
    ///
    /// # Errors
    ///
    /// [`HandlerError::Retry`] or [`HandlerError::GiveUp`]; dropped futures count as a retry.
    async fn handle(&self, delivery: &Delivery) -> Result<Done, HandlerError>;
}

/// Makes a handler of an async function over a message and the delivery it came in.
///
/// ```
/// use mp_core::{Document, work::{self, Done, Handler}};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Remind { whom: String }
/// impl Document for Remind {
///     const KIND: &'static str = "shop.remind";
///     const FORMAT: u32 = 1;
/// }
///
/// let handler = work::on(|_delivery, message: Remind| async move {
///     println!("reminding {}", message.whom);
///     Ok(Done::Finished)
/// });
/// assert_eq!(handler.kind(), "shop.remind");
/// ```
pub fn on<D, F, R>(function: F) -> Arc<dyn Handler>
where
    D: Document,
    F: Fn(Delivery, D) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Done, HandlerError>> + Send + 'static,
{
    Arc::new(On {
        function,
        marker: PhantomData,
    })
}

struct On<D, F> {
    function: F,
    marker: PhantomData<fn() -> D>,
}

impl<D: Document, F> fmt::Debug for On<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handler({})", D::KIND)
    }
}

#[async_trait]
impl<D, F, R> Handler for On<D, F>
where
    D: Document,
    F: Fn(Delivery, D) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Done, HandlerError>> + Send + 'static,
{
    fn kind(&self) -> &str {
        D::KIND
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Done, HandlerError> {
        let (message, _) = document::decode::<D>(&delivery.value)?;
        (self.function)(delivery.clone(), message).await
    }
}
