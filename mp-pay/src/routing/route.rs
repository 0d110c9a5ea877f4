use std::collections::BTreeMap;

use mp_core::{Timestamp, amount::Money, id::Name};

use super::{Health, Misfit, NoRoute, RoutingRule, RoutingRules, Standing};
use crate::{
    attempt::Attempt,
    backend::Capabilities,
    intent::CaptureMethod,
    method::{Country, PaymentMethodType},
};

/// A payment, as far as its way depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteRequest {
    /// How much, in which currency.
    pub amount: Money,
    /// How the money must be taken; either way if not given.
    pub capture_method: Option<CaptureMethod>,
    /// What type of payment method it is paid with, if that is known.
    pub payment_method_type: Option<PaymentMethodType>,
    /// The payer's country, if that is known.
    pub country: Option<Country>,
}

impl RouteRequest {
    /// Says nothing but the amount.
    #[must_use]
    pub const fn of(amount: Money) -> Self {
        Self {
            amount,
            capture_method: None,
            payment_method_type: None,
            country: None,
        }
    }

    /// Is to be taken in this way.
    #[must_use]
    pub const fn captured(mut self, method: CaptureMethod) -> Self {
        self.capture_method = Some(method);
        self
    }

    /// Is paid with a payment method of this type, if it is known.
    #[must_use]
    pub fn of_type(mut self, payment_method_type: Option<PaymentMethodType>) -> Self {
        self.payment_method_type = payment_method_type;
        self
    }

    /// Is paid from this country, if it is known.
    #[must_use]
    pub const fn from_country(mut self, country: Option<Country>) -> Self {
        self.country = country;
        self
    }

    /// Asks for what an attempt was to do.
    pub(super) fn again(attempt: &Attempt) -> Self {
        let capture_method = if attempt.capture {
            CaptureMethod::Automatic
        } else {
            CaptureMethod::Manual
        };
        Self::of(attempt.amount)
            .captured(capture_method)
            .of_type(attempt.payment_method_type.clone())
            .from_country(attempt.country)
    }

    /// Returns why a backend that can do this does not take the payment.
    pub(super) fn misfit(&self, can: Option<&Capabilities>) -> Option<Misfit> {
        let Some(can) = can else {
            return Some(Misfit::NotConfigured);
        };
        let holds = self.capture_method == Some(CaptureMethod::Manual);
        if holds && !can.separate_capture {
            return Some(Misfit::SeparateCapture);
        }
        can.minor_units
            .to_wire(self.amount)
            .err()
            .map(Misfit::Uncounted)
    }
}

/// Returns where a payment can go, best first: the backends of the first rule that matches it which
/// can do what it needs, in the rule's order, those that [rest](Standing::Resting) last.
///
/// ```
/// use std::collections::BTreeMap;
/// use mp_core::{Timestamp, amount::{Currency, Money}, id::Name};
/// use mp_pay::backend::Capabilities;
/// use mp_pay::intent::CaptureMethod;
/// use mp_pay::routing::{Health, RouteRequest, RoutingRule, RoutingRules, route};
///
/// let [stripe, wechat]: [Name; 2] = ["stripe".parse()?, "wechat".parse()?];
/// let can = BTreeMap::from([
///     (stripe.clone(), Capabilities::neither()),
///     (wechat.clone(), Capabilities::neither().without_separate_capture()),
/// ]);
/// let rules = RoutingRules::new([RoutingRule::to([wechat.clone(), stripe.clone()])])?;
/// let (health, now) = (Health::default(), Timestamp::MIN);
///
/// let bill = RouteRequest::of(Money::new(100, Currency::CNY));
/// assert_eq!(route(&rules, &bill, &can, &health, now)?, [&wechat, &stripe]);
/// let deposit = bill.captured(CaptureMethod::Manual);
/// assert_eq!(route(&rules, &deposit, &can, &health, now)?, [&stripe]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`NoRoute`] if no rule matches it, or no backend of that rule takes it, with the reason of each.
pub fn route<'a>(
    rules: &'a RoutingRules,
    request: &RouteRequest,
    can: &BTreeMap<Name, Capabilities>,
    health: &Health,
    now: Timestamp,
) -> Result<Vec<&'a Name>, NoRoute> {
    let misfits = Vec::new();
    let rule = rules.rule_for(request).ok_or(NoRoute { misfits })?;
    let (mut fit, misfits) = sorted_out(rule, request, can);
    if fit.is_empty() {
        return Err(NoRoute { misfits });
    }
    fit.sort_by_key(|name| health.standing(name, now) == Standing::Resting);
    Ok(fit)
}

/// Parts the candidates of a rule into those that take the payment and those that do not.
fn sorted_out<'a>(
    rule: &'a RoutingRule,
    request: &RouteRequest,
    can: &BTreeMap<Name, Capabilities>,
) -> (Vec<&'a Name>, Vec<(Name, Misfit)>) {
    let (mut fit, mut misfits) = (Vec::new(), Vec::new());
    for name in &rule.backends {
        match request.misfit(can.get(name)) {
            None => fit.push(name),
            Some(misfit) => misfits.push((name.clone(), misfit)),
        }
    }
    (fit, misfits)
}

#[cfg(test)]
mod tests;
