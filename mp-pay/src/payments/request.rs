mod hold;
mod notice;
mod reason;
mod resolve;

use std::collections::BTreeMap;

use mp_core::{
    amount::Money,
    id::{Name, UserId},
    label::Label,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::reason::{GivenBack, GivenUp, given_back, given_up};
pub use self::{
    hold::{CaptureIntent, IncreaseIntent},
    notice::{DisputeNotice, Notice},
    resolve::{Finding, ListUnresolved, ResolveOperation},
};
use crate::{
    intent::{CancellationReason, CaptureMethod, IntentId},
    method::{Country, PaymentMethodToken, PaymentMethodType},
    refund::RefundReason,
};

/// Asks for an intent to be created.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CreateIntent {
    /// What is to be paid, more than zero.
    pub amount: Money,
    /// Whether money is taken at once or held first.
    #[serde(default)]
    pub capture_method: CaptureMethod,
    /// What it is to be paid with; it can also be given when confirming.
    #[serde(default)]
    pub payment_method: Option<PaymentMethodToken>,
    /// Of which type that is, for [routing](crate::routing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, for [routing](crate::routing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Who pays, if not the caller; only staff may say so.
    #[serde(default)]
    pub payer: Option<UserId>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Label>,
    /// What it is made up of, by the names of the order's lines: at most
    /// [`LINES_MAX`](crate::intent::LINES_MAX), together no more than the amount. Refunds can be of
    /// lines.
    #[serde(default)]
    pub lines: BTreeMap<Name, Money>,
}

impl CreateIntent {
    /// Asks for an intent over an amount that is taken when it is confirmed.
    #[must_use]
    pub const fn of(amount: Money) -> Self {
        Self {
            amount,
            capture_method: CaptureMethod::Automatic,
            payment_method: None,
            payment_method_type: None,
            country: None,
            payer: None,
            description: None,
            lines: BTreeMap::new(),
        }
    }

    /// Has a line of the order in it.
    #[must_use]
    pub fn with_line(mut self, name: Name, amount: Money) -> Self {
        self.lines.insert(name, amount);
        self
    }

    /// Pays with this.
    #[must_use]
    pub fn with_payment_method(mut self, token: PaymentMethodToken) -> Self {
        self.payment_method = Some(token);
        self
    }

    /// Says of which type the payment method is.
    #[must_use]
    pub fn with_payment_method_type(mut self, payment_method_type: PaymentMethodType) -> Self {
        self.payment_method_type = Some(payment_method_type);
        self
    }

    /// Says which country the payer is in.
    #[must_use]
    pub const fn with_country(mut self, country: Country) -> Self {
        self.country = Some(country);
        self
    }

    /// Has somebody else pay than the caller; only staff may.
    #[must_use]
    pub fn with_payer(mut self, payer: UserId) -> Self {
        self.payer = Some(payer);
        self
    }

    /// Says what it is for.
    #[must_use]
    pub fn with_description(mut self, description: Label) -> Self {
        self.description = Some(description);
        self
    }

    /// Holds the money until it is captured.
    #[must_use]
    pub const fn with_manual_capture(mut self) -> Self {
        self.capture_method = CaptureMethod::Manual;
        self
    }
}

/// Asks for an intent to be charged.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmIntent {
    /// Which.
    pub intent: IntentId,
    /// What with, if not with what the intent has.
    #[serde(default)]
    pub payment_method: Option<PaymentMethodToken>,
    /// Of which type that is, for [routing](crate::routing); what the intent says counts only for
    /// its own payment method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, for [routing](crate::routing), if not what the intent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}

impl ConfirmIntent {
    /// Charges what the intent has as its payment method.
    #[must_use]
    pub const fn of(intent: IntentId) -> Self {
        Self {
            intent,
            payment_method: None,
            payment_method_type: None,
            country: None,
        }
    }

    /// Charges this instead.
    #[must_use]
    pub fn with_payment_method(mut self, token: PaymentMethodToken) -> Self {
        self.payment_method = Some(token);
        self
    }

    /// Says of which type the payment method is.
    #[must_use]
    pub fn with_payment_method_type(mut self, payment_method_type: PaymentMethodType) -> Self {
        self.payment_method_type = Some(payment_method_type);
        self
    }

    /// Says which country the payer is in.
    #[must_use]
    pub const fn with_country(mut self, country: Country) -> Self {
        self.country = Some(country);
        self
    }
}

/// Asks for an intent to be given up.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CancelIntent {
    /// Which.
    pub intent: IntentId,
    /// Why; in JSON, none that says that nobody asked.
    #[serde(default = "abandoned", deserialize_with = "given_up")]
    #[schemars(with = "GivenUp")]
    pub reason: CancellationReason,
}

impl CancelIntent {
    /// Gives it up as abandoned.
    #[must_use]
    pub const fn of(intent: IntentId) -> Self {
        let reason = CancellationReason::Abandoned;
        Self { intent, reason }
    }

    /// Gives it up for this reason.
    #[must_use]
    pub const fn because(mut self, reason: CancellationReason) -> Self {
        self.reason = reason;
        self
    }
}

const fn abandoned() -> CancellationReason {
    CancellationReason::Abandoned
}

/// Asks for taken money to be given back.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RefundIntent {
    /// Of which intent.
    pub intent: IntentId,
    /// How much; what the lines come to if there are any, else all that is left.
    #[serde(default)]
    pub amount: Option<Money>,
    /// Why; in JSON, none that says that nobody asked.
    #[serde(default, deserialize_with = "given_back")]
    #[schemars(with = "Option<GivenBack>")]
    pub reason: Option<RefundReason>,
    /// Of which of the order's lines, and how much of each; together the amount.
    #[serde(default)]
    pub lines: BTreeMap<Name, Money>,
}

impl RefundIntent {
    /// Gives back all that is left.
    #[must_use]
    pub const fn of(intent: IntentId) -> Self {
        Self {
            intent,
            amount: None,
            reason: None,
            lines: BTreeMap::new(),
        }
    }

    /// Gives back this much of a line of the order.
    #[must_use]
    pub fn with_line(mut self, name: Name, amount: Money) -> Self {
        self.lines.insert(name, amount);
        self
    }

    /// Gives back this much.
    #[must_use]
    pub const fn with_amount(mut self, amount: Money) -> Self {
        self.amount = Some(amount);
        self
    }

    /// Gives it back for this reason.
    #[must_use]
    pub const fn because(mut self, reason: RefundReason) -> Self {
        self.reason = Some(reason);
        self
    }
}

/// Asks for an intent to be shown.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReadIntent {
    /// Which.
    pub intent: IntentId,
}
