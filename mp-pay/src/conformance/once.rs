//! 1. A call acts at most once, and moves what it says.

use super::{
    contract::Contract,
    crowd::{CROWD, at_once},
    scene::{PART, REST, Scene, WHOLE},
    stop::{Stop, declared},
    violation::ensure_eq,
};

/// A charge takes its amount, once.
pub(super) async fn a_charge_takes_its_amount_once(scene: &Scene) -> Result<(), Stop> {
    scene.take(WHOLE).await?;
    scene.ensure_taken("after a charge", WHOLE).await
}

/// A charge that is declined takes nothing.
pub(super) async fn a_declined_charge_takes_nothing<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    let charge = scene.declined()?;
    scene.decline(&charge, "was to be declined").await?;
    scene.ensure_moved("after a decline", 0).await
}

/// A hold takes nothing; its capture takes its amount, once.
pub(super) async fn a_capture_takes_its_amount_once(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    scene.ensure_taken("after a hold", 0).await?;
    let further = scene.can.captures_max > 1;
    let minor = if further { REST } else { WHOLE };
    let capture = scene.capture(&hold, 1, minor, !further);
    scene.settle(&capture).await?;
    scene.ensure_taken("after its capture", minor).await
}

/// A refund gives its amount back, once.
pub(super) async fn a_refund_gives_its_amount_back_once(scene: &Scene) -> Result<(), Stop> {
    let charge = scene.take(WHOLE).await?;
    scene.settle(&scene.refund(&charge, WHOLE)).await?;
    scene.ensure_taken("after a refund of it all", 0).await
}

/// A part of a charge is given back, and no more.
pub(super) async fn a_part_is_refunded_and_no_more(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_refund, "partial_refund")?;
    let charge = scene.take(WHOLE).await?;
    scene.settle(&scene.refund(&charge, REST)).await?;
    scene.ensure_taken("after a refund of a part", PART).await
}

/// Charges that are made at once each take their own amount, and are told of it.
pub(super) async fn charges_at_once_do_not_mix<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    let charges = (1..=CROWD).map(|n| scene.plain(100 * n));
    for (ask, answer) in at_once(scene, charges).await? {
        let outcome = match answer {
            Ok(outcome) if C::is_known(&outcome) => outcome,
            _ => scene.settle(&ask).await?,
        };
        let told = outcome.amount().or(C::amount(&ask));
        ensure_eq("the amount that one of many tells", told, C::amount(&ask))?;
    }
    let all = CROWD * (CROWD + 1) / 2 * 100;
    scene.ensure_moved("after many at once", all).await
}
