//! What a backend is asked, as a host's tests may make it too.

use mp_core::{
    amount::Money,
    id::{AppId, UserId},
};

use super::Reference;
use crate::{method::PaymentMethodToken, operation::OperationKey};

/// Asks for a payer's money.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChargeRequest {
    /// The key of this charge: the same after any crash.
    pub key: OperationKey,
    /// The app that is paid.
    pub app: AppId,
    /// Whose money it is: see the contract's twelfth promise.
    pub payer: UserId,
    /// How much, more than zero.
    pub amount: Money,
    /// What with.
    pub payment_method: PaymentMethodToken,
    /// Whether to take the money at once; otherwise it is held.
    pub capture: bool,
}

impl ChargeRequest {
    /// Asks for this much of a payer's money, to be taken at once.
    ///
    /// ```
    /// use mp_core::amount::{Currency, Money};
    /// use mp_pay::{backend::ChargeRequest, method::PaymentMethodToken};
    ///
    /// let amount = Money::new(12_50, Currency::EUR);
    /// let method = PaymentMethodToken::new("pm_1NzvQu")?;
    /// let key = "pi_01HF7YAT000000000000000000-c1".parse()?;
    /// let request = ChargeRequest::of("market".parse()?, key, "mei".parse()?, amount, method);
    /// assert!(request.capture && !request.held().capture);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn of(
        app: AppId,
        key: OperationKey,
        payer: UserId,
        amount: Money,
        payment_method: PaymentMethodToken,
    ) -> Self {
        Self {
            key,
            app,
            payer,
            amount,
            payment_method,
            capture: true,
        }
    }

    /// Asks for the money to be held.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.capture = false;
        self
    }
}

/// Points at an earlier charge.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Charged {
    /// The app that is paid.
    pub app: AppId,
    /// The key the charge was made under.
    pub key: OperationKey,
    /// The backend's name for it, where it has told one: with what became of it, or while it was
    /// open. What waits for its payer is given up by it.
    pub reference: Option<Reference>,
}

impl Charged {
    /// Points at the charge that was made under this key.
    #[must_use]
    pub const fn of(app: AppId, key: OperationKey) -> Self {
        Self {
            app,
            key,
            reference: None,
        }
    }

    /// Names it as the backend does.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference);
        self
    }
}

/// Asks for money that a charge holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CaptureRequest {
    /// The key of this capture.
    pub key: OperationKey,
    /// The charge that holds the money.
    pub charge: Charged,
    /// How much, more than zero and no more than is still held.
    pub amount: Money,
    /// Whether it is the last: the rest of the hold is let go.
    pub last: bool,
}

impl CaptureRequest {
    /// Asks for this much of what a charge holds, for the last time.
    #[must_use]
    pub const fn of(key: OperationKey, charge: Charged, amount: Money) -> Self {
        Self {
            key,
            charge,
            amount,
            last: true,
        }
    }

    /// Leaves the rest to another capture.
    #[must_use]
    pub fn with_more_to_come(mut self) -> Self {
        self.last = false;
        self
    }
}

/// Asks for a hold to be raised.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IncreaseRequest {
    /// The key of this increase.
    pub key: OperationKey,
    /// The charge that holds the money.
    pub charge: Charged,
    /// How much is to be held in all.
    pub total: Money,
}

impl IncreaseRequest {
    /// Asks for the hold of a charge to be raised to this much in all.
    #[must_use]
    pub const fn to(key: OperationKey, charge: Charged, total: Money) -> Self {
        Self { key, charge, total }
    }
}
