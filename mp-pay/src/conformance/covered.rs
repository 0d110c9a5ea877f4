//! 10. No more is captured than is held, and no more refunded than was captured.

use super::{
    Fault, Skip,
    ask::Ask,
    asking::{is_done, short},
    crowd::{CROWD, at_once},
    scene::{PART, REST, Scene, WHOLE},
    stop::{Stop, declared},
    violation::ensure,
};
use crate::backend::{Lookup, Outcome};

/// A capture beyond the hold is declined.
pub(super) async fn a_capture_beyond_the_hold_is_declined(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    let capture = scene.capture(&hold, 1, WHOLE + PART, true);
    scene.decline(&capture, "is beyond the hold").await?;
    scene
        .ensure_taken("after a capture beyond the hold", 0)
        .await
}

/// Nothing is captured after the last capture, although a part was left.
pub(super) async fn nothing_is_captured_after_the_last(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_capture, "partial_capture")?;
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&scene.capture(&hold, 1, PART, true)).await?;
    let further = scene.capture(&hold, 2, REST, true);
    scene.decline(&further, "came after the last").await?;
    scene.ensure_taken("after the last capture", PART).await
}

/// The last capture lets go of what it does not take.
pub(super) async fn the_last_capture_lets_go_of_the_rest(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_capture, "partial_capture")?;
    let hold = scene.hold(WHOLE).await?;
    scene.ensure_held("what a hold holds", WHOLE).await?;
    scene.settle(&scene.capture(&hold, 1, PART, true)).await?;
    scene
        .ensure_held("what is held after the last capture", 0)
        .await
}

/// Nothing is captured after a void.
pub(super) async fn nothing_is_captured_after_a_void(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&Scene::void(&hold)).await?;
    let capture = scene.capture(&hold, 1, WHOLE, true);
    scene.decline(&capture, "came after the void").await?;
    scene.ensure_taken("after a void", 0).await
}

/// A void lets go of all that is held.
pub(super) async fn a_void_lets_go_of_the_hold(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    scene.ensure_held("what a hold holds", WHOLE).await?;
    scene.settle(&Scene::void(&hold)).await?;
    scene.ensure_held("what is held after a void", 0).await
}

/// A void of what was taken already is declined, and gives nothing back.
pub(super) async fn a_void_of_what_was_taken_is_declined(scene: &Scene) -> Result<(), Stop> {
    let charge = scene.take(WHOLE).await?;
    let void = Scene::void(&charge);
    scene.decline(&void, "came after the charge").await?;
    let what = "after a void that came too late";
    scene.ensure_taken(what, WHOLE).await?;
    if scene.can.separate_capture {
        let hold = scene.hold(WHOLE).await?;
        scene.settle(&scene.capture(&hold, 1, WHOLE, true)).await?;
        let void = Scene::void(&hold);
        scene.decline(&void, "came after the capture").await?;
        scene.ensure_taken(what, 2 * WHOLE).await?;
    }
    Ok(())
}

/// A charge that waits for its payer, and is voided, takes nothing when the payer acts after all. One that
/// could not be voided is told as what then comes of it: the host gives back what it takes.
pub(super) async fn a_void_gives_up_a_charge_that_waits(scene: &Scene) -> Result<(), Stop> {
    let ask = scene.charge_of_acting()?;
    let answer = scene.ask(&ask).await?;
    let waits = matches!(answer, Ok(Outcome::NeedsAction { .. }));
    declared(waits, "that it asks the payer for anything")?;
    let name = answer.ok().and_then(|open| open.reference().cloned());
    let charge = scene.made(ask, name);
    let voided = scene.outcome(&Scene::void(&charge)).await?;
    if !scene.provider.act_as_payer().await {
        return Err(Skip::NotProvided("act_as_payer").into());
    }
    scene.provider.wait().await;
    if !is_done(&voided) {
        return what_comes_late_is_told(scene, &charge.ask).await;
    }
    if scene.can.queries.find_any() {
        // Whoever is asked looks what has become of it, and must not take it for paid.
        let found = scene.look_up(&charge.ask).await?;
        let paid = matches!(&found, Lookup::Found(outcome) if is_done(outcome));
        let seen = || "a charge was voided, and found done once its payer acted".to_owned();
        ensure(!paid, seen)?;
    }
    let what = "after the payer of a voided charge has acted";
    scene.ensure_taken(what, 0).await
}

/// Demands that a charge which was not voided is told as done if it has taken its amount, and only then.
async fn what_comes_late_is_told(scene: &Scene, charge: &Ask) -> Result<(), Stop> {
    let late = scene.known(charge, Outcome::accepted()).await?;
    let taken = if is_done(&late) { WHOLE } else { 0 };
    let late = short(&late);
    let what =
        format!("after a charge that was not voided, and was told as {late} once its payer acted");
    scene.ensure_taken(&what, taken).await
}

/// A refund beyond what was taken is declined.
pub(super) async fn a_refund_beyond_the_charge_is_declined(scene: &Scene) -> Result<(), Stop> {
    let (charge, _other) = (scene.take(WHOLE).await?, scene.take(WHOLE).await?);
    let refund = scene.refund(&charge, WHOLE + PART);
    scene.decline(&refund, "is beyond the charge").await?;
    let what = "after a refund beyond the charge";
    scene.ensure_taken(what, 2 * WHOLE).await
}

/// A refund beyond what an earlier refund has left is declined.
pub(super) async fn a_refund_beyond_the_rest_is_declined(scene: &Scene) -> Result<(), Stop> {
    refundable_twice(scene)?;
    let (charge, _other) = (scene.take(WHOLE).await?, scene.take(WHOLE).await?);
    scene.settle(&scene.refund(&charge, PART)).await?;
    let second = scene.refund(&charge, PART);
    scene
        .decline(&second, "is beyond what is left of the charge")
        .await?;
    let what = "after a refund beyond what was left";
    scene.ensure_taken(what, WHOLE + REST).await
}

/// Of refunds at once of which any two come to more than was taken, one is made.
pub(super) async fn refunds_at_once_stay_within_the_charge(scene: &Scene) -> Result<(), Stop> {
    refundable_twice(scene)?;
    let (charge, _other) = (scene.take(WHOLE).await?, scene.take(WHOLE).await?);
    at_once(scene, (0..CROWD).map(|_| scene.refund(&charge, PART))).await?;
    scene.provider.wait().await;
    let back = 2 * WHOLE - scene.taken().await?;
    Ok(ensure(back <= PART, || {
        let (whole, back) = (scene.money(WHOLE), scene.money(back));
        format!("{CROWD} refunds at once gave back {back} of {whole}")
    })?)
}

/// Of captures at once of all that is held, one is made.
pub(super) async fn captures_at_once_stay_within_the_hold(scene: &Scene) -> Result<(), Stop> {
    let (hold, _other) = (scene.hold(WHOLE).await?, scene.hold(WHOLE).await?);
    let captures = (1..=9).map(|number| scene.capture(&hold, number, WHOLE, true));
    at_once(scene, captures).await?;
    scene.provider.wait().await;
    let taken = scene.taken().await?;
    Ok(ensure(taken <= WHOLE, || {
        let (whole, taken) = (scene.money(WHOLE), scene.money(taken));
        format!("captures at once took {taken} of {whole} that was held")
    })?)
}

/// An increase that is declined leaves the hold as it was.
pub(super) async fn a_declined_increase_leaves_the_hold(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.increases_max > 0, "increases_max")?;
    let hold = scene.hold(WHOLE).await?;
    scene.inflict(Fault::Decline).await?;
    let increase = scene.increase(&hold, 1, WHOLE + REST);
    scene.decline(&increase, "was to be declined").await?;
    scene.settle(&scene.capture(&hold, 1, WHOLE, true)).await?;
    scene.ensure_taken("after a declined increase", WHOLE).await
}

/// A refund that is declined gives nothing back, and another can follow under its own key.
pub(super) async fn a_declined_refund_gives_nothing_back(scene: &Scene) -> Result<(), Stop> {
    let charge = scene.take(WHOLE).await?;
    scene.inflict(Fault::Decline).await?;
    let refund = scene.refund(&charge, WHOLE);
    scene.decline(&refund, "was to be declined").await?;
    scene.ensure_taken("after a declined refund", WHOLE).await?;
    scene.settle(&scene.refund(&charge, WHOLE)).await?;
    scene
        .ensure_taken("after a refund that followed it", 0)
        .await
}

fn refundable_twice(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_refund, "partial_refund")?;
    Ok(declared(scene.can.repeated_refund, "repeated_refund")?)
}
