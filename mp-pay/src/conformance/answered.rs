//! 3. A lookup finds every operation that acted, and says that one never came only if that is so.

use super::{
    Fault, Skip, Violation,
    asking::short,
    bounded::{DELAY, drop_on_its_way},
    contract::{Behind, Contract},
    scene::{PART, Scene, WHOLE},
    stop::{Stop, declared},
    violation::ensure,
};
use crate::backend::{Lookup, Outcome, Queries};

/// A lookup finds a charge.
pub(super) async fn a_lookup_finds_a_charge(scene: &Scene) -> Result<(), Stop> {
    found(scene, &scene.charge(WHOLE)).await
}

/// A lookup finds a hold.
pub(super) async fn a_lookup_finds_a_hold(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    found(scene, &hold.ask).await
}

/// A lookup finds a capture.
pub(super) async fn a_lookup_finds_a_capture(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    found(scene, &scene.capture(&hold, 1, WHOLE, true)).await
}

/// A lookup finds an increase.
pub(super) async fn a_lookup_finds_an_increase(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.increases_max > 0, "increases_max")?;
    let hold = scene.hold(WHOLE).await?;
    found(scene, &scene.increase(&hold, 1, WHOLE + PART)).await
}

/// A lookup finds a void.
pub(super) async fn a_lookup_finds_a_void(scene: &Scene) -> Result<(), Stop> {
    found(scene, &Scene::void(&scene.hold(WHOLE).await?)).await
}

/// A lookup finds a refund.
pub(super) async fn a_lookup_finds_a_refund(scene: &Scene) -> Result<(), Stop> {
    let charge = scene.take(WHOLE).await?;
    found(scene, &scene.refund(&charge, WHOLE)).await
}

/// A lookup tells of no decline as of something that was done.
pub(super) async fn a_lookup_tells_no_decline_as_done<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    asked(scene)?;
    let charge = scene.declined()?;
    scene.decline(&charge, "was to be declined").await?;
    ensure_not_done(scene, &charge, "was declined").await
}

/// A lookup finds nothing under a key that was never used.
pub(super) async fn what_never_came_is_not_found<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    asked(scene)?;
    scene.settle(&scene.plain(WHOLE)).await?;
    let never = scene.plain(WHOLE);
    match scene.look_up(&never).await? {
        Lookup::Found(outcome) => Err(seen(&format!(
            "{never} was never made, and was found {}",
            short(&outcome)
        ))),
        Lookup::NotFound | Lookup::CannotTell => Ok(()),
    }
}

/// Looking up does nothing: what was not found can be made afterwards.
pub(super) async fn a_lookup_does_nothing<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    asked(scene)?;
    let charge = scene.plain(WHOLE);
    scene.look_up(&charge).await?;
    scene.ensure_moved("after a lookup", 0).await?;
    scene.settle(&charge).await?;
    scene.look_up(&charge).await?;
    scene
        .ensure_moved("after it was made and looked up", WHOLE)
        .await
}

/// What was done and not heard of is found.
pub(super) async fn a_lost_answer_is_learnt_by_lookup<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    let by_key = C::queries(scene.can) == Queries::ByKey;
    declared(by_key, "queries by our key")?;
    for ask in scene.one_of_each().await? {
        scene.inflict(Fault::LoseAnswer).await?;
        let first = scene.ask(&ask).await?.unwrap_or(Outcome::Unknown);
        if let Lookup::NotFound = scene.look_up(&ask).await? {
            let what = format!("{ask} was done, its answer got lost, and it was not found");
            return Err(seen(&what));
        }
        let outcome = scene.looked_up(&ask, first).await?;
        let what = || format!("{ask} was done, and was found {}", short(&outcome));
        ensure(C::is_done(&outcome), what)?;
    }
    Ok(())
}

/// Who finds by its own names alone, and has told none, does not say that something never came.
pub(super) async fn what_has_no_name_is_not_said_never_to_have_come<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    let by_name = C::queries(scene.can) == Queries::ByReference;
    declared(by_name, "queries by its own names alone")?;
    for ask in scene.one_of_each().await? {
        scene.inflict(Fault::LoseAnswer).await?;
        let _unheard = scene.ask(&ask).await?;
        if let Lookup::NotFound = scene.look_up(&ask).await? {
            let what = format!("{ask} was done, and without its name was NotFound");
            return Err(seen(&what));
        }
    }
    Ok(())
}

/// What never arrived is not found done.
pub(super) async fn a_lost_request_is_not_found_done<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    asked(scene)?;
    let before = scene.moved().await?;
    let charge = scene.plain(WHOLE);
    scene.inflict(Fault::LoseRequest).await?;
    let _unheard = scene.ask(&charge).await?;
    if scene.moved().await? != before {
        // The backend has sent it again by itself.
        return Ok(());
    }
    ensure_not_done(scene, &charge, "never arrived").await
}

/// What was said not to be found, and so is sent again, never comes after all.
pub(super) async fn what_is_not_found_never_comes<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    asked(scene)?;
    scene.books()?;
    let charge = scene.plain(WHOLE);
    drop_on_its_way(scene, &charge).await?;
    let lookup = scene.look_up(&charge).await?;
    tokio::time::sleep(DELAY * 2).await;
    scene.provider.wait().await;
    let moved = scene.moved().await?;
    let came = lookup == Lookup::NotFound && moved != 0;
    Ok(ensure(!came, || {
        let (verb, moved) = (C::MOVED, scene.money(moved));
        format!("{charge} was NotFound while on its way, and then {moved} was {verb}")
    })?)
}

pub(super) fn asked<C: Contract>(scene: &Scene<C>) -> Result<(), Skip> {
    declared(C::queries(scene.can).find_any(), "queries")
}

/// Asks, and demands to find it done.
pub(super) async fn found<C: Contract>(scene: &Scene<C>, ask: &C::Ask) -> Result<(), Stop> {
    asked(scene)?;
    scene.settle(ask).await?;
    match scene.look_up(ask).await? {
        Lookup::NotFound => Err(seen(&format!("{ask} was done, and was not found"))),
        Lookup::Found(Outcome::Declined { code }) => {
            let what = format!("{ask} was done, and was found Declined as {code}");
            Err(seen(&what))
        }
        Lookup::Found(outcome) => {
            scene.looked_up(ask, outcome).await?;
            Ok(())
        }
        Lookup::CannotTell => {
            scene.looked_up(ask, Outcome::Unknown).await?;
            Ok(())
        }
    }
}

async fn ensure_not_done<C: Contract>(
    scene: &Scene<C>,
    ask: &C::Ask,
    why: &str,
) -> Result<(), Stop> {
    match scene.look_up(ask).await? {
        Lookup::Found(outcome) if C::is_done(&outcome) => Err(seen(&format!(
            "{ask} {why}, and was found {}",
            short(&outcome)
        ))),
        _ => Ok(()),
    }
}

fn seen(what: &str) -> Stop {
    Violation::new(what).into()
}
