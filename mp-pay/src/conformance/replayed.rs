//! 2. Within the window, a call repeated under its key answers what became of the first.

use super::{
    Fault, Skip, Violation,
    asking::short,
    contract::Contract,
    crowd::{CROWD, at_once},
    scene::{PART, REST, Scene, WHOLE},
    stop::{Stop, declared},
    violation::{ensure, ensure_eq},
};
use crate::backend::Outcome;

/// A charge that is repeated is answered as the first, and takes the money once.
pub(super) async fn a_charge_is_replayed(scene: &Scene) -> Result<(), Stop> {
    replays(scene)?;
    replay(scene, &scene.charge(WHOLE)).await?;
    scene.ensure_taken("after a charge came twice", WHOLE).await
}

/// A capture that is repeated is answered as the first, and takes the money once.
pub(super) async fn a_capture_is_replayed(scene: &Scene) -> Result<(), Stop> {
    replays(scene)?;
    let hold = scene.hold(WHOLE).await?;
    let further = scene.can.captures_max > 1;
    let minor = if further { REST } else { WHOLE };
    replay(scene, &scene.capture(&hold, 1, minor, !further)).await?;
    scene
        .ensure_taken("after a capture came twice", minor)
        .await
}

/// A refund that is repeated is answered as the first, and gives the money back once.
pub(super) async fn a_refund_is_replayed(scene: &Scene) -> Result<(), Stop> {
    replays(scene)?;
    let charge = scene.take(WHOLE).await?;
    let minor = if scene.can.partial_refund {
        REST
    } else {
        WHOLE
    };
    replay(scene, &scene.refund(&charge, minor)).await?;
    let left = WHOLE - minor;
    scene.ensure_taken("after a refund came twice", left).await
}

/// A void that is repeated is answered as the first.
pub(super) async fn a_void_is_replayed(scene: &Scene) -> Result<(), Stop> {
    replays(scene)?;
    replay(scene, &Scene::void(&scene.hold(WHOLE).await?)).await
}

/// An increase that is repeated is answered as the first.
pub(super) async fn an_increase_is_replayed(scene: &Scene) -> Result<(), Stop> {
    replays(scene)?;
    declared(scene.can.increases_max > 0, "increases_max")?;
    let hold = scene.hold(WHOLE).await?;
    replay(scene, &scene.increase(&hold, 1, WHOLE + PART)).await
}

/// A decline is answered again, and nothing is taken after all.
pub(super) async fn a_decline_is_replayed<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    replays(scene)?;
    let charge = scene.declined()?;
    scene.decline(&charge, "was to be declined").await?;
    scene.decline(&charge, "was declined before").await
}

/// A key that comes back with another amount moves nothing: it is answered as the first, or fails.
pub(super) async fn a_key_with_another_amount_moves_nothing<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    replays(scene)?;
    let charge = scene.plain(WHOLE);
    let first = scene.settle(&charge).await?;
    let other = C::with_amount(charge.clone(), scene.money(PART));
    if let Ok(answer) = scene.ask(&other).await? {
        let told = || format!("{other} under a used key came to {}", short(&answer));
        ensure(answer == first || !C::is_known(&answer), told)?;
    }
    let what = "after a key came back with another amount";
    scene.ensure_moved(what, WHOLE).await
}

/// Calls at once under one key take the money once, and none is told as declined.
pub(super) async fn replays_at_once_act_once<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    replays(scene)?;
    let charge = scene.plain(WHOLE);
    let same = (0..CROWD).map(|_| charge.clone());
    for (_, answer) in at_once(scene, same).await? {
        let declined = matches!(answer, Ok(Outcome::Declined { .. }));
        ensure(!declined, || {
            "one of several calls at once under one key was declined".to_owned()
        })?;
    }
    let outcome = scene.ask(&charge).await?.unwrap_or(Outcome::Unknown);
    scene.replayed(&charge, outcome).await?;
    let what = "after several calls at once under one key";
    scene.ensure_moved(what, WHOLE).await
}

/// What was done and not heard of is learnt by repeating it.
pub(super) async fn a_lost_answer_is_learnt_by_replay<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    recovered(scene, Fault::LoseAnswer).await
}

/// What never arrived is made good by repeating it.
pub(super) async fn a_lost_request_is_made_good_by_replay<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    recovered(scene, Fault::LoseRequest).await
}

async fn recovered<C: Contract>(scene: &Scene<C>, fault: Fault) -> Result<(), Stop> {
    replays(scene)?;
    let charge = scene.plain(WHOLE);
    scene.inflict(fault).await?;
    let first = scene.ask(&charge).await?.unwrap_or(Outcome::Unknown);
    let outcome = scene.replayed(&charge, first).await?;
    let settled = C::is_done(&outcome);
    ensure(settled, || {
        format!("after {fault:?}, {charge} came to {}", short(&outcome))
    })?;
    scene.ensure_moved("after it was repeated", WHOLE).await
}

pub(super) fn replays<C: Contract>(scene: &Scene<C>) -> Result<(), Skip> {
    declared(C::replays_keys(scene.can), "replays_keys")
}

/// Asks twice, and demands the same answer.
pub(super) async fn replay<C: Contract>(scene: &Scene<C>, ask: &C::Ask) -> Result<(), Stop> {
    let first = scene.settle(ask).await?;
    let again = scene.ask(ask).await?;
    let again =
        again.map_err(|error| Violation::new(format!("{ask} came again, and failed: {error}")))?;
    let again = scene.replayed(ask, again).await?;
    Ok(ensure_eq(
        &format!("the answer to {ask} that came again"),
        again,
        first,
    )?)
}
