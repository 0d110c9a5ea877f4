//! 5, 6, 8. What became of a payout lasts, nobody has to help it along, and dropping it makes no other.

use super::ask::{Ask, OfPayouts, PayoutScene};
use crate::{
    backend::Outcome,
    conformance::{
        Fault, Skip, Violation,
        asking::short,
        bounded::DELAY,
        contract::Contract,
        fixed::{askable, now},
        scene::WHOLE,
        stop::Stop,
        violation::ensure,
    },
};

/// What has come back is told as declined, for good.
pub(super) async fn what_came_back_stays_declined(scene: &PayoutScene) -> Result<(), Stop> {
    askable(scene)?;
    let destination = scene.provider.returned();
    let destination = destination.ok_or(Skip::NotProvided("returned"))?;
    let payout = scene.to(destination, scene.money(WHOLE));
    // It may have come back before anybody heard that it went.
    scene.outcome(&payout).await?;
    for _ in 0..3 {
        scene.provider.wait().await;
        if scene.moved().await? == 0 {
            is_declined(scene, &payout).await?;
        }
    }
    scene.ensure_moved("after a payout came back", 0).await
}

async fn is_declined(scene: &PayoutScene, payout: &Ask) -> Result<(), Stop> {
    match now(scene, payout).await? {
        Some(outcome) if OfPayouts::is_done(&outcome) => Err(Violation::new(format!(
            "{payout} has come back, and is told as {}",
            short(&outcome)
        ))
        .into()),
        _ => Ok(()),
    }
}

/// Dropped before it begins, on its way, or after it was carried out, a payout is made at most once.
pub(super) async fn a_payout_dropped_at_any_moment_is_made_at_most_once(
    scene: &PayoutScene,
) -> Result<(), Stop> {
    for quarters in [0, 1, 3, 5] {
        let before = scene.moved().await?;
        let payout = scene.plain(WHOLE);
        scene.inflict(Fault::Delay(DELAY)).await?;
        let call = OfPayouts::ask(&*scene.backend, &payout);
        let _dropped = tokio::time::timeout(DELAY * quarters / 4, call).await;
        tokio::time::sleep(DELAY * 2).await;
        scene.provider.wait().await;
        let paid = scene.moved().await? - before;
        ensure(paid == 0 || paid == WHOLE, || {
            let (after, paid) = (DELAY * quarters / 4, scene.money(paid));
            format!("{payout} was dropped after {after:?}, and {paid} was paid")
        })?;
    }
    Ok(())
}

/// Nobody is asked to do anything for a payout, neither at once nor later.
pub(super) async fn nobody_has_to_act_for_a_payout(scene: &PayoutScene) -> Result<(), Stop> {
    let usual = [Some(scene.provider.accepted()), scene.provider.slow()];
    for destination in usual.into_iter().flatten() {
        let payout = scene.to(destination, scene.money(WHOLE));
        let outcome = scene.ask(&payout).await?.unwrap_or(Outcome::Unknown);
        let asks = matches!(outcome, Outcome::NeedsAction { .. });
        ensure(!asks, || format!("{payout} waits for somebody to act"))?;
    }
    Ok(())
}

/// What was only accepted is paid in the end, once.
pub(super) async fn what_was_accepted_is_paid_in_the_end(scene: &PayoutScene) -> Result<(), Stop> {
    let destination = scene.provider.slow();
    let destination = destination.ok_or(Skip::NotProvided("slow"))?;
    scene
        .settle(&scene.to(destination, scene.money(WHOLE)))
        .await?;
    scene
        .ensure_moved("after a payout that took its time", WHOLE)
        .await
}
