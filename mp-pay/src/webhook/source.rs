use std::{borrow::Cow, fmt};

use async_trait::async_trait;
use mp_core::{Error, Timestamp};

use super::{RawWebhook, WebhookRefusal};
use crate::{
    backend::Reference,
    payments::{DisputeNotice, Notice},
};

/// Tells one provider's webhooks from forgeries, and reads them.
///
/// # Contract
/// 1. *Raw.* A signature is checked over the body's bytes as they came, never over what was read of
///    them.
/// 2. *Rotating.* Two keys or more can be set up at once, and either's signature counts.
/// 3. *Constant.* How long a comparison takes does not tell where two signatures differ.
/// 4. *Fresh.* What was signed longer ago than the tolerance, or further in the future, is
///    [`OutsideWindow`](WebhookRefusal::OutsideWindow): by `now`, and only once the signature is
///    found right. Where the time is not signed there is no window, and deduplication has to do.
/// 5. *Same.* The same event has the same [`Identity`] each time that it is sent, and no other event
///    has it.
/// 6. *Repeatable.* Reading moves nothing, and the same bytes are read alike; it may ask the
///    provider what a hint is about.
/// 7. *Whole.* Every observation is returned, and none where there is nothing to be done, as for an
///    unknown type of event. An error of kind [`Unavailable`](mp_core::ErrorKind::Unavailable) is
///    tried again; one of kind [`Invalid`](mp_core::ErrorKind::Invalid) is put before a person, or,
///    if it is about a hint, ignored.
/// 8. *Unsigned.* Whoever checks no signature answers [`Identity::Hint`], lets in no hint that names
///    nothing, and belongs to payments whose backend is
///    [`WebhookTrust::HintOnly`](crate::backend::WebhookTrust::HintOnly).
#[async_trait]
pub trait WebhookSource: fmt::Debug + Send + Sync + 'static {
    /// Returns the names, in lower case, of the headers that are kept with the body; all others are
    /// forgotten once the webhook is verified.
    fn kept_headers(&self) -> &'static [&'static str];

    /// Checks who has sent it and when, and returns which event it is.
    ///
    /// # Errors
    ///
    /// The refusal that the provider is answered.
    async fn verify(
        &self,
        webhook: &RawWebhook,
        now: Timestamp,
    ) -> Result<Identity, WebhookRefusal>;

    /// Returns what it tells, of a body that was verified before.
    ///
    /// # Errors
    ///
    /// As the seventh clause says.
    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error>;

    /// Returns the body that the provider is answered with: the same for everything that is
    /// accepted, and for every refusal of a kind.
    fn reply(&self, refusal: Option<&WebhookRefusal>) -> Reply {
        Reply::of(refusal)
    }
}

/// Which event a webhook tells of: what comes again under the same identity is the same event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// The event of this name, as the provider has named it.
    Event(Reference),
    /// An event without a name: the same bytes are the same event.
    Bytes,
    /// A reason to ask the provider, which may come again with the same bytes for another reason.
    Hint,
}

/// One thing that a webhook tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Observation {
    /// What became of an operation.
    Operation(Notice),
    /// How far a dispute has come.
    Dispute(DisputeNotice),
}

/// The body of an answer to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Its media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Cow<'static, str>,
}

impl Reply {
    /// Answers with JSON, as WeChat Pay wants it: `{"code":"FAIL","message":"…"}`.
    #[must_use]
    pub const fn json(body: Cow<'static, str>) -> Self {
        Self {
            content_type: "application/json",
            body,
        }
    }

    /// Answers with text, as Adyen wants it: `[accepted]`.
    #[must_use]
    pub const fn text(body: Cow<'static, str>) -> Self {
        Self {
            content_type: "text/plain; charset=utf-8",
            body,
        }
    }

    /// Returns what most providers are content with.
    pub(super) fn of(refusal: Option<&WebhookRefusal>) -> Self {
        Self::json(match refusal {
            None => Cow::Borrowed(r#"{"received":true}"#),
            Some(refusal) => Cow::Owned(format!(r#"{{"error":"{}"}}"#, refusal.code())),
        })
    }
}
