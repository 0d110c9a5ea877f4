//! 1, 2, 7. A payout is made once, in its own amount, and told as what it was.

use super::ask::PayoutScene;
use crate::conformance::{exact, once, replayed, scene::WHOLE, stop::Stop};

/// A payout pays its amount, once.
pub(super) async fn a_payout_pays_its_amount_once(scene: &PayoutScene) -> Result<(), Stop> {
    scene.settle(&scene.plain(WHOLE)).await?;
    scene.ensure_moved("after a payout", WHOLE).await
}

/// A payout that is declined pays nothing.
pub(super) async fn a_declined_payout_pays_nothing(scene: &PayoutScene) -> Result<(), Stop> {
    once::a_declined_charge_takes_nothing(scene).await
}

/// Payouts that are made at once each pay their own amount, and are told of it.
pub(super) async fn payouts_at_once_do_not_mix(scene: &PayoutScene) -> Result<(), Stop> {
    once::charges_at_once_do_not_mix(scene).await
}

/// A payout that is repeated is answered as the first, and pays once.
pub(super) async fn a_payout_is_replayed(scene: &PayoutScene) -> Result<(), Stop> {
    replayed::replays(scene)?;
    replayed::replay(scene, &scene.plain(WHOLE)).await?;
    scene.ensure_moved("after a payout came twice", WHOLE).await
}

/// A payout tells the amount that it paid, if it tells one.
pub(super) async fn a_payout_tells_what_it_paid(scene: &PayoutScene) -> Result<(), Stop> {
    exact::tells(scene, &scene.plain(WHOLE)).await
}

/// What is declared to be counted is paid exactly, whatever the currency's decimals.
pub(super) async fn declared_currencies_are_paid_exactly(scene: &PayoutScene) -> Result<(), Stop> {
    exact::declared_currencies_are_taken_exactly(scene).await
}
