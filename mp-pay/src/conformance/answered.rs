//! 3. A lookup finds every operation that acted, and says that one never came only if that is so.

use super::{
    Fault, Skip, Violation,
    ask::Ask,
    asking::{is_done, short},
    bounded::{DELAY, drop_on_its_way},
    scene::{PART, Scene, WHOLE},
    stop::{Stop, declared},
    violation::ensure,
};
use crate::backend::{Lookup, Outcome};

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
pub(super) async fn a_lookup_tells_no_decline_as_done(scene: &Scene) -> Result<(), Stop> {
    asked(scene)?;
    let token = scene.provider.declined();
    let token = token.ok_or(Skip::NotProvided("declined"))?;
    let charge = scene.charge_of(token, scene.money(WHOLE), true);
    scene.decline(&charge, "was to be declined").await?;
    ensure_not_done(scene, &charge, "was declined").await
}

/// A lookup finds nothing under a key that was never used.
pub(super) async fn what_never_came_is_not_found(scene: &Scene) -> Result<(), Stop> {
    asked(scene)?;
    scene.take(WHOLE).await?;
    let never = scene.charge(WHOLE);
    match scene.look_up(&never).await? {
        Lookup::Found(outcome) => Err(seen(&format!(
            "{never} was never made, and was found {}",
            short(&outcome)
        ))),
        Lookup::NotFound | Lookup::CannotTell => Ok(()),
    }
}

/// Looking up does nothing: what was not found can be made afterwards.
pub(super) async fn a_lookup_does_nothing(scene: &Scene) -> Result<(), Stop> {
    asked(scene)?;
    let charge = scene.charge(WHOLE);
    scene.look_up(&charge).await?;
    scene.ensure_taken("after a lookup", 0).await?;
    scene.settle(&charge).await?;
    scene.look_up(&charge).await?;
    scene
        .ensure_taken("after a charge and a lookup", WHOLE)
        .await
}

/// What was done and not heard of is found.
pub(super) async fn a_lost_answer_is_learnt_by_lookup(scene: &Scene) -> Result<(), Stop> {
    asked(scene)?;
    for ask in scene.one_of_each().await? {
        scene.inflict(Fault::LoseAnswer).await?;
        let first = scene.ask(&ask).await?.unwrap_or(Outcome::Unknown);
        if let Lookup::NotFound = scene.look_up(&ask).await? {
            let what = format!("{ask} was done, its answer got lost, and it was not found");
            return Err(seen(&what));
        }
        let outcome = scene.looked_up(&ask, first).await?;
        let what = || format!("{ask} was done, and was found {}", short(&outcome));
        ensure(is_done(&outcome), what)?;
    }
    Ok(())
}

/// What never arrived is not found done.
pub(super) async fn a_lost_request_is_not_found_done(scene: &Scene) -> Result<(), Stop> {
    asked(scene)?;
    let before = scene.taken().await?;
    let charge = scene.charge(WHOLE);
    scene.inflict(Fault::LoseRequest).await?;
    let _unheard = scene.ask(&charge).await?;
    if scene.taken().await? != before {
        // The backend has sent it again by itself.
        return Ok(());
    }
    ensure_not_done(scene, &charge, "never arrived").await
}

/// What was said not to be found, and so is sent again, never comes after all.
pub(super) async fn what_is_not_found_never_comes(scene: &Scene) -> Result<(), Stop> {
    asked(scene)?;
    scene.books()?;
    let charge = scene.charge(WHOLE);
    drop_on_its_way(scene, &charge).await?;
    let lookup = scene.look_up(&charge).await?;
    tokio::time::sleep(DELAY * 2).await;
    scene.provider.wait().await;
    let taken = scene.taken().await?;
    let came = lookup == Lookup::NotFound && taken != 0;
    Ok(ensure(!came, || {
        format!("{charge} was NotFound while it was on its way, and then took the money")
    })?)
}

fn asked(scene: &Scene) -> Result<(), Skip> {
    declared(scene.can.answers_queries, "answers_queries")
}

/// Asks, and demands to find it done.
async fn found(scene: &Scene, ask: &Ask) -> Result<(), Stop> {
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

async fn ensure_not_done(scene: &Scene, ask: &Ask, why: &str) -> Result<(), Stop> {
    match scene.look_up(ask).await? {
        Lookup::Found(outcome) if is_done(&outcome) => Err(seen(&format!(
            "{ask} {why}, and was found {}",
            short(&outcome)
        ))),
        _ => Ok(()),
    }
}

fn seen(what: &str) -> Stop {
    Violation::new(what).into()
}
