use mp_core::id::AppId;

use super::{Charged, Outcome, Reference};
use crate::operation::OperationKey;

/// Asks what became of an operation, by every name that it is known by.
///
/// It is about the operation of its [`key`](Self::key), whatever else it says. The rest is for a
/// provider that finds nothing by our key, or finds it late.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LookupRequest {
    /// The key that the operation was asked for under: WeChat Pay finds a charge by it, as
    /// `out_trade_no`, and a refund, as `out_refund_no`. Stripe and Mollie keep it in the metadata of
    /// what they are asked about by their own names.
    pub key: OperationKey,
    /// The app that is paid.
    pub app: AppId,
    /// The backend's own name for the operation, where it has told one, while it was open or with
    /// what became of it: at Stripe and Mollie what is asked for, such as
    /// `GET /v1/payment_intents/{id}` and `GET /v1/refunds/{id}`. None if no answer came.
    ///
    /// Where a backend's webhooks are but hints and it finds by its own names alone, it may be the
    /// name in a hint, which anybody may have sent: letters, digits, `_`, `-` and single dots. So what
    /// is found under it counts only if the provider keeps our key with it.
    pub reference: Option<Reference>,
    /// The charge that it belongs to; `None` if it is itself one. Mollie's refunds are found beneath
    /// their payment, and what became of a capture or a void is seen by Stripe's payment intent.
    pub charge: Option<Charged>,
}

impl LookupRequest {
    /// Asks by our key alone.
    #[must_use]
    pub const fn of(app: AppId, key: OperationKey) -> Self {
        Self {
            key,
            app,
            reference: None,
            charge: None,
        }
    }

    /// Asks by the backend's own name for the operation too.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Asks about an operation that belongs to this charge.
    #[must_use]
    pub fn with_charge(mut self, charge: Charged) -> Self {
        self.charge = Some(charge);
        self
    }

    /// Returns whether an outcome has the name that is asked about; one that tells none may have it.
    ///
    /// Where it has another, the request names two operations, and neither is to be told as the
    /// other: that is [`Lookup::CannotTell`].
    ///
    /// ```
    /// use mp_pay::backend::{LookupRequest, Outcome, Reference};
    ///
    /// let key = "pi_01HF7YAT000000000000000000-c1".parse()?;
    /// let request = LookupRequest::of("market".parse()?, key);
    /// let found = Outcome::accepted().with_reference(Reference::new("tr_1")?);
    /// assert!(request.fits(&found));
    /// assert!(!request.with_reference(Reference::new("tr_2")?).fits(&found));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn fits(&self, found: &Outcome) -> bool {
        let named = self.reference.as_ref().zip(found.reference());
        named.is_none_or(|(asked, told)| asked == told)
    }
}

/// What a backend knows of an operation that it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// It knows it.
    Found(Outcome),
    /// It never came, and will not come any more: it may be sent again. Said wrongly, this is a
    /// double charge.
    NotFound,
    /// It cannot tell now.
    CannotTell,
}
