//! 3, 11. A lookup finds every payout, each by its own id, at whatever moment it comes.

use super::ask::{Ask, OfPayouts, PayoutScene};
use crate::{
    backend::{Lookup, Outcome},
    conformance::{
        Fault, Skip, Violation,
        answered::{asked, found},
        asking::short,
        bounded::DELAY,
        contract::Contract,
        scene::{PART, WHOLE},
        stop::Stop,
        violation::{ensure, ensure_eq},
    },
};

/// A lookup finds a payout.
pub(super) async fn a_lookup_finds_a_payout(scene: &PayoutScene) -> Result<(), Stop> {
    found(scene, &scene.plain(WHOLE)).await
}

/// What is looked up while its call is on its way is told as nothing that it does not come to.
pub(super) async fn a_lookup_meanwhile_contradicts_nothing(
    scene: &PayoutScene,
) -> Result<(), Stop> {
    asked(scene)?;
    let payout = scene.plain(WHOLE);
    scene.inflict(Fault::Delay(DELAY)).await?;
    let meanwhile = async {
        tokio::time::sleep(DELAY / 4).await;
        scene.look_up(&payout).await
    };
    let (answer, lookup) = tokio::join!(scene.ask(&payout), meanwhile);
    let known = |outcome: &Outcome| OfPayouts::is_known(outcome);
    let Some(meanwhile) = outcome_of(lookup?).filter(known) else {
        return Ok(());
    };
    let answer = answer?.unwrap_or(Outcome::Unknown);
    let outcome = scene.looked_up(&payout, answer).await?;
    let same = OfPayouts::is_done(&outcome) == OfPayouts::is_done(&meanwhile);
    Ok(ensure(same, || {
        let (meanwhile, outcome) = (short(&meanwhile), short(&outcome));
        format!("{payout} was found {meanwhile} while on its way, and came to {outcome}")
    })?)
}

/// Of two payouts, each is told under its own id.
pub(super) async fn a_payout_is_told_under_its_own_id(scene: &PayoutScene) -> Result<(), Stop> {
    asked(scene)?;
    let payouts = [scene.plain(WHOLE), scene.plain(PART)];
    for payout in &payouts {
        scene.settle(payout).await?;
    }
    for payout in &payouts {
        if let Some(told) = outcome_of(scene.look_up(payout).await?) {
            agrees(payout, "a lookup", &told)?;
        }
    }
    Ok(())
}

/// What the provider tells by itself names the payout that it is about, and agrees. Where nothing is told,
/// that may be the provider's way or a reader's that drops it: it is not tried.
pub(super) async fn notices_name_their_payout(scene: &PayoutScene) -> Result<(), Stop> {
    let payouts = [scene.plain(WHOLE), scene.plain(PART)];
    for payout in &payouts {
        scene.settle(payout).await?;
    }
    scene.provider.wait().await;
    let notices = scene.provider.notices().await.unwrap_or_default();
    if notices.is_empty() {
        return Err(Skip::NotProvided("notices of what was done").into());
    }
    for notice in notices {
        let about = payouts.iter().find(|payout| payout.0.id == notice.payout);
        let Some(payout) = about else {
            let seen = format!("a notice is about {}, never asked for", notice.payout);
            return Err(Violation::new(seen).into());
        };
        agrees(payout, "a notice", &notice.outcome)?;
    }
    Ok(())
}

/// Demands that what is told of a payout that was made is that.
fn agrees(payout: &Ask, by: &str, told: &Outcome) -> Result<(), Violation> {
    let agrees = !OfPayouts::is_known(told) || OfPayouts::is_done(told);
    ensure(agrees, || {
        format!("{payout} was made, and {by} tells {}", short(told))
    })?;
    let amount = told.amount().unwrap_or(payout.0.amount);
    let what = format!("the amount that {by} tells of {payout}");
    ensure_eq(&what, amount, payout.0.amount)
}

fn outcome_of(lookup: Lookup) -> Option<Outcome> {
    match lookup {
        Lookup::Found(outcome) => Some(outcome),
        Lookup::NotFound | Lookup::CannotTell => None,
    }
}
