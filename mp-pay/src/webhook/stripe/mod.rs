//! Webhooks in [Stripe's form](https://docs.stripe.com/webhooks), which the sandbox sends too.

mod dispute;
mod event;
mod signature;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use mp_core::{Error, Timestamp, id::AppId};
use serde::Deserialize;

use self::signature::Signature;
pub use self::{event::OPERATION_METADATA, signature::StripeSecret};
use super::{Identity, Observation, RawWebhook, WebhookRefusal, WebhookSource};
use crate::backend::Reference;

/// The name of the header that the signature stands in.
pub const SIGNATURE_HEADER: &str = "stripe-signature";

/// How long ago, or how far in the future, a webhook may have been signed: what Stripe's own
/// libraries allow, of which some let the future in.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// The most secrets of one app that count at once.
pub const SECRETS_MAX: usize = 4;

/// Verifies and reads webhooks in Stripe's form.
///
/// Each app has an endpoint of its own at Stripe, and with it a secret of its own: what was signed
/// for one app is refused by every other. While a secret is rolled, Stripe signs with both, and
/// both can be set up.
///
/// | event | about | what is observed |
/// |---|---|---|
/// | `payment_intent.succeeded` | a charge | it settled, with `amount_received` |
/// | `payment_intent.succeeded`, `charge.captured` | a capture | it settled |
/// | `payment_intent.amount_capturable_updated` | a charge, an increase | it is authorised, with `amount` |
/// | `payment_intent.processing` | a charge | it is accepted |
/// | `payment_intent.requires_action` | a charge | the payer has to act; not what they have to do |
/// | `payment_intent.payment_failed` | a charge | it was declined, with the error's code |
/// | `payment_intent.canceled` | a charge, a void | it was declined as `canceled`; it settled |
/// | `refund.created` `.updated` `.failed` | a refund | by its status |
/// | `charge.dispute.…` | an intent, if it is named as below | how far the dispute has come |
///
/// An operation is told by its key in the metadata of the object, under [`OPERATION_METADATA`]. An
/// event without it is about somebody else's payment, and ignored, as is any other type. A charge's
/// reference is the payment intent's id, the same from the first event on; a refund's is its own.
///
/// What a payer has to do is the backend's to tell, when it is asked to charge or asked about it: an event
/// has less of it than an answer, and knows nothing of what the backend has declared.
///
/// # Disputes
///
/// A [dispute at Stripe](https://docs.stripe.com/api/disputes/object) names Stripe's own charge and
/// payment intent, and has none of their metadata. So one is observed only
/// - if its own metadata has a key under [`OPERATION_METADATA`], which the host
///   [puts there](https://docs.stripe.com/api/disputes/update);
/// - if the event has the payment intent or the charge as a whole, with a key in its metadata;
/// - if its `payment_intent` is an id of ours, as at the sandbox.
///
/// A key names the attempt as well, against which the dispute counts; an id of ours does not, and means the
/// one that counts. Every other dispute is put before a person at once, in
/// [`Webhooks::unhandled`](super::Webhooks::unhandled), with its names at Stripe: the payment
/// intent's is mostly the reference of the payment's own charge. Who has found the payment tells it with
/// [`observe_dispute`](crate::Payments::observe_dispute), and
/// [dismisses](super::Webhooks::dismiss) the event.
#[derive(Clone, Debug, Default)]
pub struct StripeWebhooks {
    secrets: BTreeMap<AppId, Vec<StripeSecret>>,
}

impl StripeWebhooks {
    /// Accepts webhooks for no app yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts what is signed with this secret, for one app; further secrets count beside it.
    ///
    /// # Errors
    ///
    /// `invalid_field` for more than [`SECRETS_MAX`] secrets of an app.
    pub fn with_secret(mut self, app: AppId, secret: StripeSecret) -> Result<Self, Error> {
        let secrets = self.secrets.entry(app).or_default();
        if secrets.len() >= SECRETS_MAX {
            return Err(Error::invalid("secret", "is one more than 4 of an app"));
        }
        secrets.push(secret);
        Ok(self)
    }
}

#[async_trait]
impl WebhookSource for StripeWebhooks {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[SIGNATURE_HEADER]
    }

    async fn verify(
        &self,
        webhook: &RawWebhook,
        now: Timestamp,
    ) -> Result<Identity, WebhookRefusal> {
        let secrets = self.secrets.get(&webhook.app);
        let secrets = secrets.ok_or(WebhookRefusal::UnknownSource)?;
        let header = webhook.header(SIGNATURE_HEADER);
        let header = header.ok_or(WebhookRefusal::Malformed("it has no Stripe-Signature"))?;
        let signature = Signature::parse(header)?;
        signature.check(secrets, &webhook.body, now)?;
        Ok(identity(&webhook.body))
    }

    async fn read(&self, webhook: &RawWebhook) -> Result<Vec<Observation>, Error> {
        Ok(event::read(&webhook.body)?.into_iter().collect())
    }
}

/// Returns the event's name. What Stripe has signed and does not read is kept all the same, so that
/// a person can look at it.
fn identity(body: &[u8]) -> Identity {
    #[derive(Deserialize)]
    struct Named {
        id: Reference,
    }
    match serde_json::from_slice::<Named>(body) {
        Ok(named) => Identity::Event(named.id),
        Err(_) => Identity::Bytes,
    }
}
