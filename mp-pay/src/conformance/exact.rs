//! 7. Amounts are told and moved exactly, in our minor units.

use mp_core::amount::{Currency, Money};

use super::{
    Skip,
    contract::Contract,
    scene::{PART, REST, Scene, WHOLE},
    stop::{Stop, declared},
    violation::{ensure, ensure_eq},
};

/// Currencies that are counted differently here and there: without decimals, with three, in
/// hundredths that must be whole, and plain ones.
const CURRENCIES: [&str; 16] = [
    "EUR", "USD", "CNY", "JPY", "KRW", "CLP", "XOF", "UGX", "ISK", "MGA", "HUF", "TWD", "KWD",
    "BHD", "TND", "MRU",
];

/// A charge tells the amount that it took, if it tells one.
pub(super) async fn a_charge_tells_what_it_took(scene: &Scene) -> Result<(), Stop> {
    tells(scene, &scene.charge(WHOLE)).await
}

/// A hold tells the amount that it holds, if it tells one.
pub(super) async fn a_hold_tells_what_it_holds(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.separate_capture, "separate_capture")?;
    let token = scene.provider.accepted();
    tells(scene, &scene.charge_of(token, scene.money(WHOLE), false)).await
}

/// A capture tells the amount that it took, not that of the hold.
pub(super) async fn a_capture_tells_what_it_took(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_capture, "partial_capture")?;
    let hold = scene.hold(WHOLE).await?;
    tells(scene, &scene.capture(&hold, 1, PART, true)).await
}

/// An increase tells all that is held now.
pub(super) async fn an_increase_tells_what_is_held_in_all(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.increases_max > 0, "increases_max")?;
    let hold = scene.hold(WHOLE).await?;
    tells(scene, &scene.increase(&hold, 1, WHOLE + REST)).await
}

/// A refund tells the amount that it gave back, above zero, and not that of the charge.
pub(super) async fn a_refund_tells_what_it_gave_back(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_refund, "partial_refund")?;
    let charge = scene.take(WHOLE).await?;
    tells(scene, &scene.refund(&charge, PART)).await
}

/// What is declared to be counted is taken exactly, whatever the currency's decimals.
pub(super) async fn declared_currencies_are_taken_exactly<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    for amount in amounts(|amount| C::minor_units(scene.can).to_wire(amount).is_ok()) {
        let currency = amount.currency();
        let Some(ask) = C::plain_in_any(scene, amount) else {
            continue;
        };
        let before = C::moved(&scene.provider, currency).await;
        let before = before.ok_or(Skip::NotProvided(C::MOVED))?;
        tells(scene, &ask).await?;
        let now = C::moved(&scene.provider, currency).await;
        let moved = now.map(|now| Money::new(now.minor() - before.minor(), currency));
        ensure_eq(&format!("what was {}", C::MOVED), moved, Some(amount))?;
    }
    Ok(())
}

/// Returns an amount of each of the currencies that passes.
pub(super) fn amounts(passes: impl Fn(Money) -> bool) -> impl Iterator<Item = Money> {
    let currencies = CURRENCIES
        .iter()
        .filter_map(|code| Currency::new(code).ok());
    currencies
        .map(|currency| Money::new(WHOLE, currency))
        .filter(move |amount| passes(*amount))
}

pub(super) async fn tells<C: Contract>(scene: &Scene<C>, ask: &C::Ask) -> Result<(), Stop> {
    let outcome = scene.settle(ask).await?;
    let exact = outcome
        .amount()
        .is_none_or(|told| Some(told) == C::amount(ask));
    Ok(ensure(exact, || match outcome.amount() {
        Some(told) => format!("{ask} was done, and told as {told}"),
        None => format!("{ask} was done, and told without an amount"),
    })?)
}
