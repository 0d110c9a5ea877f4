use std::time::Duration;

use mp_core::{amount::Money, id::UserId};

use crate::{
    backend::{DeclineCode, NextAction},
    method::PaymentMethodToken,
};

/// How the sandbox takes one call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// It does what it is asked.
    Succeed,
    /// It declines.
    Decline(DeclineCode),
    /// It accepts, and has done it after this time.
    Delay(Duration),
    /// It wants the payer to open a page; after this time the payer has acted there.
    NeedsAction(Duration),
    /// It wants the payer to do this; after this time the payer has.
    Asks(NextAction, Duration),
    /// The answer is lost, and it did nothing.
    TimeoutBefore,
    /// The answer is lost, after it did what it was asked.
    TimeoutAfter,
    /// It cannot be reached, and says so.
    Unavailable,
    /// It does what it is asked, and tells of another amount.
    Misstate(Money),
    /// It refunds, and after this time the refund fails: the money has come back.
    FailLater(Duration),
}

/// How long `pm_slow` takes, and the payer of `pm_action`.
pub const DELAY: Duration = Duration::from_secs(60);

impl Behaviour {
    /// Returns what a payment method's token makes a charge do, after the manner of Stripe's test
    /// cards:
    ///
    /// | token | the charge |
    /// |---|---|
    /// | `pm_declined` | is declined as `card_declined` |
    /// | `pm_declined_insufficient_funds` | is declined as `insufficient_funds` |
    /// | `pm_slow` | is accepted and done after [`DELAY`] |
    /// | `pm_action` | waits for its payer, who acts after [`DELAY`] |
    /// | `pm_timeout_before` | is never answered and does nothing, the first time |
    /// | `pm_timeout_after` | is done and not answered, the first time |
    /// | `pm_of_` and a user, such as `pm_of_mei` | succeeds for that payer; for any other it is declined as `resource_missing` |
    /// | any other, such as `pm_ok` | succeeds |
    ///
    /// So do [Stripe's own names](https://docs.stripe.com/testing): `pm_card_visa` and the other
    /// cards succeed, `pm_card_chargeDeclined` and `pm_card_visa_chargeDeclined` are declined, with
    /// `InsufficientFunds`, `ExpiredCard`, `IncorrectCvc` or `ProcessingError` behind the name for
    /// that reason, and `pm_card_threeDSecure2Required`, `pm_card_threeDSecureRequired` and
    /// `pm_card_authenticationRequired` wait for their payer as `pm_action` does.
    #[must_use]
    pub fn of_token(token: &PaymentMethodToken) -> Self {
        if let Some(card) = token.as_str().strip_prefix("pm_card_") {
            return Self::of_card(card);
        }
        match token.as_str() {
            "pm_declined" => Self::Decline(DeclineCode::of("card_declined")),
            "pm_declined_insufficient_funds" => {
                Self::Decline(DeclineCode::of("insufficient_funds"))
            }
            "pm_slow" => Self::Delay(DELAY),
            "pm_action" => Self::NeedsAction(DELAY),
            "pm_timeout_before" => Self::TimeoutBefore,
            "pm_timeout_after" => Self::TimeoutAfter,
            _ => Self::Succeed,
        }
    }

    /// Returns what a charge of this payer's comes to: what is kept for somebody else is not theirs.
    pub(super) fn of_charge(token: &PaymentMethodToken, payer: &UserId) -> Self {
        match token.as_str().strip_prefix("pm_of_") {
            Some(owner) if owner != payer.as_str() => {
                Self::Decline(DeclineCode::of("resource_missing"))
            }
            _ => Self::of_token(token),
        }
    }

    /// Returns what one of Stripe's test cards makes a charge do.
    fn of_card(card: &str) -> Self {
        let card = card.strip_prefix("visa_").unwrap_or(card);
        let code = match card {
            "chargeDeclined" => "card_declined",
            "chargeDeclinedInsufficientFunds" => "insufficient_funds",
            "chargeDeclinedExpiredCard" => "expired_card",
            "chargeDeclinedIncorrectCvc" => "incorrect_cvc",
            "chargeDeclinedProcessingError" => "processing_error",
            "threeDSecure2Required" | "threeDSecureRequired" | "authenticationRequired" => {
                return Self::NeedsAction(DELAY);
            }
            _ => return Self::Succeed,
        };
        Self::Decline(DeclineCode::of(code))
    }

    /// Returns what is left of it for the `call`th call of a key: an answer is lost once.
    pub(super) fn of_call(self, call: u32) -> Self {
        match self {
            Self::TimeoutBefore | Self::TimeoutAfter if call > 1 => Self::Succeed,
            first => first,
        }
    }

    /// Returns the behaviour that a seed gives the `call`th call for a key: a loss before or after
    /// acting, each in `per_mille` of a thousand calls.
    pub(super) fn of_chance(seed: u64, per_mille: u16, key: &str, call: u32) -> Option<Self> {
        let mut state = seed ^ u64::from(call).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in key.bytes() {
            // FNV-1a's step, then SplitMix64's finaliser below: any even spread will do.
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = (state ^ (state >> 31)) % 1_000;
        let per_mille = u64::from(per_mille);
        match drawn {
            drawn if drawn < per_mille => Some(Self::TimeoutBefore),
            drawn if drawn < per_mille * 2 => Some(Self::TimeoutAfter),
            _ => None,
        }
    }
}
