//! 5. What is known does not change.

use super::{
    Skip, Violation,
    asking::{is_done, short},
    contract::{Behind, Contract},
    scene::{PART, Scene, WHOLE},
    stop::{Stop, declared},
    violation::{ensure, ensure_eq},
};
use crate::backend::{Lookup, Outcome};

/// What was done stays done, whenever it is asked about.
pub(super) async fn what_is_done_stays_done<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    askable(scene)?;
    for ask in scene.one_of_each().await? {
        let first = scene.settle(&ask).await?;
        stays(scene, &ask, &first).await?;
    }
    Ok(())
}

/// What was declined stays declined.
pub(super) async fn what_is_declined_stays_declined<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    askable(scene)?;
    let charge = scene.declined()?;
    scene.decline(&charge, "was to be declined").await?;
    for _ in 0..3 {
        scene.provider.wait().await;
        if let Some(outcome) = now(scene, &charge).await? {
            let seen = || format!("{charge} was declined, and then {}", short(&outcome));
            ensure(!C::is_done(&outcome), seen)?;
        }
    }
    Ok(())
}

/// A charge stays taken when it is refunded: the refund is an operation of its own.
pub(super) async fn a_refund_leaves_its_charge_as_it_was(scene: &Scene) -> Result<(), Stop> {
    askable(scene)?;
    let ask = scene.charge(WHOLE);
    let first = scene.settle(&ask).await?;
    let charge = scene.made(ask, first.reference().cloned());
    scene.settle(&scene.refund(&charge, WHOLE)).await?;
    stays(scene, &charge.ask, &first).await
}

/// A hold that is captured is not told as declined afterwards.
pub(super) async fn a_capture_leaves_its_hold_made(scene: &Scene) -> Result<(), Stop> {
    askable(scene)?;
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&scene.capture(&hold, 1, WHOLE, true)).await?;
    let outcome = now(scene, &hold.ask).await?;
    match outcome {
        Some(outcome) if is_done(&outcome) => Ok(()),
        Some(outcome) => Err(Violation::new(format!(
            "a hold was captured, and then told as {}",
            short(&outcome)
        ))
        .into()),
        None => Ok(()),
    }
}

/// A refund can be followed by another, and the first stays what it was.
pub(super) async fn a_refund_leaves_another_as_it_was(scene: &Scene) -> Result<(), Stop> {
    askable(scene)?;
    declared(scene.can.repeated_refund, "repeated_refund")?;
    declared(scene.can.partial_refund, "partial_refund")?;
    let charge = scene.take(WHOLE).await?;
    let refund = scene.refund(&charge, PART);
    let first = scene.settle(&refund).await?;
    scene.settle(&scene.refund(&charge, WHOLE - PART)).await?;
    stays(scene, &refund, &first).await
}

pub(super) fn askable<C: Contract>(scene: &Scene<C>) -> Result<(), Skip> {
    let can = C::queries(scene.can).find_any() || C::replays_keys(scene.can);
    declared(can, "queries or replays_keys")
}

/// Demands that an operation is told like this, however often it is asked about.
async fn stays<C: Contract>(scene: &Scene<C>, ask: &C::Ask, first: &Outcome) -> Result<(), Stop> {
    for _ in 0..3 {
        scene.provider.wait().await;
        if let Some(outcome) = now(scene, ask).await? {
            ensure_eq(&format!("what is told of {ask} later"), &outcome, first)?;
        }
    }
    Ok(())
}

/// Returns what is told of an operation that was asked for before.
pub(super) async fn now<C: Contract>(
    scene: &Scene<C>,
    ask: &C::Ask,
) -> Result<Option<Outcome>, Stop> {
    if scene.finds(ask) {
        return match scene.look_up(ask).await? {
            Lookup::Found(outcome) => Ok(Some(outcome)),
            Lookup::NotFound | Lookup::CannotTell => Ok(None),
        };
    }
    declared(C::replays_keys(scene.can), "replays_keys, or a name for it")?;
    Ok(scene.ask(ask).await?.ok())
}
