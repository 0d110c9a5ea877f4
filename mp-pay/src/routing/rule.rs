use std::collections::BTreeSet;

use mp_core::{
    Error,
    amount::{Currency, Money},
    id::Name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RouteRequest;
use crate::{
    backend::DeclineCode,
    method::{Country, PaymentMethodType},
};

/// The most rules.
pub const RULES_MAX: usize = 256;

/// The most backends of one rule.
pub const CANDIDATES_MAX: usize = 8;

/// Rules in their order: the first that matches a payment says where it goes.
///
/// They are data, and can stand in the host's configuration:
///
/// ```
/// use mp_pay::routing::RoutingRules;
///
/// let rules: RoutingRules = serde_json::from_str(r#"[
///     {"payment_method_types": ["wechat_pay"], "backends": ["wechat"]},
///     {"currencies": ["EUR"], "countries": ["DE", "NL"], "backends": ["adyen", "stripe"],
///      "fall_over_on": ["processing_error", "issuer_unavailable"]},
///     {"backends": ["stripe"]}
/// ]"#)?;
/// assert!(serde_json::from_str::<RoutingRules>(r#"[{"backends": []}]"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(try_from = "Vec<RoutingRule>", into = "Vec<RoutingRule>")]
#[schemars(with = "Vec<RoutingRule>")]
pub struct RoutingRules(Vec<RoutingRule>);

/// Which payments go where. What is left empty matches every payment.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RoutingRule {
    /// The types of payment method it is for; a payment that does not say its type matches none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub payment_method_types: BTreeSet<PaymentMethodType>,
    /// The currencies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub currencies: BTreeSet<Currency>,
    /// The payers' countries; a payment that does not say its country matches none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub countries: BTreeSet<Country>,
    /// The least amount; one in another currency does not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_min: Option<Money>,
    /// The greatest amount; one in another currency does not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_max: Option<Money>,
    /// Where they go: the first, and in this order elsewhere. All of them must know the payment
    /// method tokens.
    pub backends: Vec<Name>,
    /// With which codes a decline of one backend lets another be tried. A decline with any other
    /// code is the payer's answer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fall_over_on: BTreeSet<DeclineCode>,
}

impl RoutingRules {
    /// Keeps the rules in their order.
    ///
    /// # Errors
    ///
    /// `invalid_field` for more than [`RULES_MAX`], and for a rule that names no backend, one
    /// twice, or more than [`CANDIDATES_MAX`], or whose amounts are in two currencies or leave none
    /// between them.
    pub fn new(rules: impl IntoIterator<Item = RoutingRule>) -> Result<Self, Error> {
        let rules: Vec<RoutingRule> = rules.into_iter().collect();
        if rules.len() > RULES_MAX {
            return Err(Error::invalid("rules", "are more than 256"));
        }
        rules.iter().try_for_each(RoutingRule::check)?;
        Ok(Self(rules))
    }

    /// Returns the rule that decides about a payment: the first that matches it.
    #[must_use]
    pub fn rule_for(&self, request: &RouteRequest) -> Option<&RoutingRule> {
        self.0.iter().find(|rule| rule.matches(request))
    }

    /// Returns every backend that a rule names.
    pub(super) fn backends(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().flat_map(|rule| &rule.backends)
    }
}

impl TryFrom<Vec<RoutingRule>> for RoutingRules {
    type Error = Error;

    fn try_from(rules: Vec<RoutingRule>) -> Result<Self, Error> {
        Self::new(rules)
    }
}

impl From<RoutingRules> for Vec<RoutingRule> {
    fn from(rules: RoutingRules) -> Self {
        rules.0
    }
}

impl RoutingRule {
    /// Sends every payment to the first of these, and in their order elsewhere.
    #[must_use]
    pub fn to(backends: impl IntoIterator<Item = Name>) -> Self {
        Self {
            payment_method_types: BTreeSet::new(),
            currencies: BTreeSet::new(),
            countries: BTreeSet::new(),
            amount_min: None,
            amount_max: None,
            backends: backends.into_iter().collect(),
            fall_over_on: BTreeSet::new(),
        }
    }

    /// Only for these types of payment method.
    #[must_use]
    pub fn of_types(mut self, types: impl IntoIterator<Item = PaymentMethodType>) -> Self {
        self.payment_method_types.extend(types);
        self
    }

    /// Only in these currencies.
    #[must_use]
    pub fn in_currencies(mut self, currencies: impl IntoIterator<Item = Currency>) -> Self {
        self.currencies.extend(currencies);
        self
    }

    /// Only for payers in these countries.
    #[must_use]
    pub fn in_countries(mut self, countries: impl IntoIterator<Item = Country>) -> Self {
        self.countries.extend(countries);
        self
    }

    /// Only from this amount on.
    #[must_use]
    pub const fn from_amount(mut self, least: Money) -> Self {
        self.amount_min = Some(least);
        self
    }

    /// Only up to this amount, itself included.
    #[must_use]
    pub const fn up_to_amount(mut self, greatest: Money) -> Self {
        self.amount_max = Some(greatest);
        self
    }

    /// Tries elsewhere what one declines with these codes.
    #[must_use]
    pub fn falling_over_on(mut self, codes: impl IntoIterator<Item = DeclineCode>) -> Self {
        self.fall_over_on.extend(codes);
        self
    }

    /// Returns whether it is for this payment.
    #[must_use]
    pub fn matches(&self, request: &RouteRequest) -> bool {
        let amount = request.amount;
        let bounded = |bound: Option<Money>, fits: fn(i64, i64) -> bool| {
            bound.is_none_or(|bound| {
                bound.currency() == amount.currency() && fits(amount.minor(), bound.minor())
            })
        };
        allows(&self.currencies, Some(&amount.currency()))
            && allows(
                &self.payment_method_types,
                request.payment_method_type.as_ref(),
            )
            && allows(&self.countries, request.country.as_ref())
            && bounded(self.amount_min, |amount, least| amount >= least)
            && bounded(self.amount_max, |amount, greatest| amount <= greatest)
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |field, problem: &'static str| Err(Error::invalid(field, problem));
        let distinct: BTreeSet<&Name> = self.backends.iter().collect();
        if !(1..=CANDIDATES_MAX).contains(&self.backends.len()) {
            return wrong("backends", "are none, or more than 8");
        }
        if distinct.len() != self.backends.len() {
            return wrong("backends", "name one twice");
        }
        match (self.amount_min, self.amount_max) {
            (Some(least), Some(most)) if least.currency() != most.currency() => {
                wrong("amount_max", "is not in the currency of amount_min")
            }
            (Some(least), Some(most)) if least.minor() > most.minor() => {
                wrong("amount_max", "is less than amount_min")
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether a set allows what is told; an empty one allows everything.
fn allows<T: Ord>(allowed: &BTreeSet<T>, told: Option<&T>) -> bool {
    allowed.is_empty() || told.is_some_and(|told| allowed.contains(told))
}
