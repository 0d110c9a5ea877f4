//! 8. What is declared is done, and what is not is refused before anything is sent.

use super::{
    Skip,
    asking::{is_done, short},
    contract::{Behind, Contract, OfPayments},
    exact::amounts,
    scene::{PART, REST, Scene, WHOLE},
    stop::{Stop, declared, undeclared},
    violation::{ensure, ensure_eq},
};
use crate::{
    backend::{BackendErrorKind, Lookup, NextAction, Outcome},
    operation::Breach,
};

/// Capabilities do not change from call to call, and do not contradict themselves.
pub(super) async fn capabilities_are_steady<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    scene.settle(&scene.plain(WHOLE)).await?;
    let can = C::can(&scene.backend);
    ensure_eq("the capabilities", can, scene.can)?;
    Ok(C::ensure_coherent(can)?)
}

/// A declared hold can be made and taken later.
pub(super) async fn a_declared_hold_is_captured(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&scene.capture(&hold, 1, WHOLE, true)).await?;
    Ok(())
}

/// A declared part of a hold can be captured.
pub(super) async fn a_declared_part_is_captured(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_capture, "partial_capture")?;
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&scene.capture(&hold, 1, PART, true)).await?;
    Ok(())
}

/// A declared further capture takes of what is left.
pub(super) async fn a_declared_further_capture_is_made(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.captures_max > 1, "captures_max above 1")?;
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&scene.capture(&hold, 1, PART, false)).await?;
    scene.settle(&scene.capture(&hold, 2, REST, true)).await?;
    Ok(())
}

/// A declared increase lets more be captured.
pub(super) async fn a_declared_increase_raises_the_hold(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.increases_max > 0, "increases_max")?;
    let hold = scene.hold(WHOLE).await?;
    let raised = WHOLE + REST;
    scene.settle(&scene.increase(&hold, 1, raised)).await?;
    scene.settle(&scene.capture(&hold, 1, raised, true)).await?;
    Ok(())
}

/// A declared refund of a part is made.
pub(super) async fn a_declared_part_is_refunded(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_refund, "partial_refund")?;
    let charge = scene.take(WHOLE).await?;
    scene.settle(&scene.refund(&charge, PART)).await?;
    Ok(())
}

/// A declared second refund is made.
pub(super) async fn a_declared_further_refund_is_made(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_refund, "partial_refund")?;
    declared(scene.can.repeated_refund, "repeated_refund")?;
    let charge = scene.take(WHOLE).await?;
    scene.settle(&scene.refund(&charge, PART)).await?;
    scene.settle(&scene.refund(&charge, REST)).await?;
    Ok(())
}

/// A hold, and a capture, that are not declared are refused before anything is sent.
pub(super) async fn an_undeclared_hold_is_refused_unsent(scene: &Scene) -> Result<(), Stop> {
    undeclared(scene.can.separate_capture, "separate_capture")?;
    let charge = scene.take(WHOLE).await?;
    let token = scene.provider.accepted();
    let hold = scene.charge_of(token, scene.money(WHOLE), false);
    refused(scene, &hold).await?;
    refused(scene, &scene.capture(&charge, 1, WHOLE, true)).await
}

/// A capture that leaves the hold for others, which are not declared, is refused before anything is
/// sent.
pub(super) async fn an_undeclared_further_capture_is_refused_unsent(
    scene: &Scene,
) -> Result<(), Stop> {
    undeclared(scene.can.captures_max > 1, "captures_max above 1")?;
    let hold = scene.hold(WHOLE).await?;
    refused(scene, &scene.capture(&hold, 1, WHOLE, false)).await
}

/// An increase that is not declared is refused before anything is sent.
pub(super) async fn an_undeclared_increase_is_refused_unsent(scene: &Scene) -> Result<(), Stop> {
    undeclared(scene.can.increases_max > 0, "increases_max")?;
    let charge = if scene.can.separate_capture {
        scene.hold(WHOLE).await?
    } else {
        scene.take(WHOLE).await?
    };
    refused(scene, &scene.increase(&charge, 1, WHOLE + REST)).await
}

/// An amount that the backend does not count is refused before anything is sent.
pub(super) async fn an_uncounted_amount_is_refused_unsent<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    let units = C::minor_units(scene.can);
    let uncounted: Vec<_> = amounts(|amount| units.to_wire(amount).is_err()).collect();
    undeclared(uncounted.is_empty(), "every currency in minor_units")?;
    for amount in uncounted {
        refused(scene, &C::plain(scene, amount)).await?;
    }
    Ok(())
}

/// A payer is asked for nothing but what is declared, whoever tells of it.
pub(super) async fn a_payer_is_asked_only_for_what_is_declared(scene: &Scene) -> Result<(), Stop> {
    for action in asked_of_the_payer(scene).await? {
        let undeclared = Breach::of(&scene.can, &action) == Some(Breach::UndeclaredAction);
        let kind = action.kind();
        ensure(!undeclared, || {
            format!("a payer is asked for {kind:?}, which next_actions leaves out")
        })?;
    }
    Ok(())
}

/// A payer is sent to no page but a safe one on the web, whoever tells of it.
pub(super) async fn a_payer_is_sent_to_safe_pages_only(scene: &Scene) -> Result<(), Stop> {
    for action in asked_of_the_payer(scene).await? {
        ensure(action.is_safe(), || {
            "a payer is sent to an address that is not https, or whose host is no name".to_owned()
        })?;
    }
    Ok(())
}

/// Returns all that a payer is asked for: by the call, by one that comes again, by a lookup and by
/// what the provider tells by itself, at once and after some time.
async fn asked_of_the_payer(scene: &Scene) -> Result<Vec<NextAction>, Stop> {
    let charge = scene.charge_that_may_wait()?;
    let mut told = Vec::from_iter(scene.ask(&charge).await?);
    for _at_once_and_later in 0..2 {
        if scene.can.replays_keys.is_some() {
            told.extend(scene.ask(&charge).await?);
        }
        if scene.finds(&charge)
            && let Lookup::Found(found) = scene.look_up(&charge).await?
        {
            told.push(found);
        }
        let notices = OfPayments::told(&*scene.provider, &charge).await;
        told.extend(notices.unwrap_or_default());
        scene.provider.wait().await;
    }
    let asked = told.into_iter().filter_map(|outcome| match outcome {
        Outcome::NeedsAction { action, .. } => Some(action),
        _ => None,
    });
    Ok(asked.collect())
}

/// A payer who has done what was asked of them pays, once.
pub(super) async fn a_payer_who_acts_pays_once(scene: &Scene) -> Result<(), Stop> {
    let charge = scene.charge_of_acting()?;
    let outcome = scene.outcome(&charge).await?;
    ensure(is_done(&outcome), || {
        let outcome = short(&outcome);
        format!("the payer has acted, and {charge} came to {outcome}")
    })?;
    scene.ensure_taken("after the payer has acted", WHOLE).await
}

/// Demands that something is refused as unsupported, and that nothing reaches the provider.
async fn refused<C: Contract>(scene: &Scene<C>, ask: &C::Ask) -> Result<(), Stop> {
    let before = scene.provider.requests().await;
    let answer = scene.ask(ask).await?;
    let after = scene.provider.requests().await;
    let refused = matches!(&answer, Err(error) if error.kind() == BackendErrorKind::Unsupported);
    ensure(refused, || match &answer {
        Ok(outcome) => format!("{ask} is not declared, and came to {}", short(outcome)),
        Err(error) => format!("{ask} is not declared, and failed as {:?}", error.kind()),
    })?;
    let (before, after) = before.zip(after).ok_or(Skip::NotProvided("requests"))?;
    Ok(ensure(before == after, || {
        let sent = after.saturating_sub(before);
        format!("{ask} was refused, after {sent} requests had reached the provider")
    })?)
}
