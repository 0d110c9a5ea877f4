//! 6. A call that is dropped half-way is done once or not at all, and keeps no other waiting.

use std::time::Duration;

use super::{
    Fault,
    asking::short,
    contract::{Behind, Contract},
    scene::{Scene, WHOLE},
    stop::{Stop, declared},
    violation::ensure,
};
use crate::backend::{Lookup, Outcome};

/// For how long a provider takes its time over a call that is dropped.
pub(super) const DELAY: Duration = Duration::from_millis(120);
/// When it is dropped, if the provider does not tell that it was reached.
const DROPPED_AFTER: Duration = Duration::from_millis(30);

/// A call that is dropped acts at most once.
pub(super) async fn a_dropped_call_acts_at_most_once<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    scene.books()?;
    let charge = scene.plain(WHOLE);
    drop_on_its_way(scene, &charge).await?;
    tokio::time::sleep(DELAY * 2).await;
    let moved = scene.moved().await?;
    Ok(ensure(moved == 0 || moved == WHOLE, || {
        let (verb, moved) = (C::MOVED, scene.money(moved));
        format!("{charge} was dropped on its way, and {moved} was {verb}")
    })?)
}

/// A call that is dropped can be repeated, and has then acted once.
pub(super) async fn a_dropped_call_can_be_replayed<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    declared(C::replays_keys(scene.can), "replays_keys")?;
    let charge = scene.plain(WHOLE);
    drop_on_its_way(scene, &charge).await?;
    let again = scene.ask(&charge).await?.unwrap_or(Outcome::Unknown);
    let outcome = scene.replayed(&charge, again).await?;
    ensure(C::is_done(&outcome), || {
        let outcome = short(&outcome);
        format!("{charge} was dropped on its way, and repeated came to {outcome}")
    })?;
    tokio::time::sleep(DELAY * 2).await;
    scene.ensure_moved("after it was repeated", WHOLE).await
}

/// What became of a call that is dropped can be asked about.
pub(super) async fn a_dropped_call_can_be_asked_about<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    declared(C::queries(scene.can).find_any(), "queries")?;
    let charge = scene.plain(WHOLE);
    drop_on_its_way(scene, &charge).await?;
    tokio::time::sleep(DELAY * 2).await;
    scene.provider.wait().await;
    let lookup = scene.look_up(&charge).await?;
    let done = matches!(&lookup, Lookup::Found(outcome) if C::is_done(outcome));
    let moved = scene.moved().await?;
    let told = match lookup {
        Lookup::CannotTell | Lookup::Found(Outcome::Unknown | Outcome::Accepted { .. }) => true,
        _ => done == (moved != 0),
    };
    Ok(ensure(told, || {
        let (verb, moved) = (C::MOVED, scene.money(moved));
        format!("{charge} was dropped, {moved} was {verb}, and it was looked up as {lookup:?}")
    })?)
}

/// A call that is dropped keeps no other waiting.
pub(super) async fn a_dropped_call_keeps_no_other_waiting<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    drop_on_its_way(scene, &scene.plain(WHOLE)).await?;
    scene.settle(&scene.plain(WHOLE)).await?;
    Ok(())
}

/// Asks, and stops waiting for the answer once the provider was reached.
pub(super) async fn drop_on_its_way<C: Contract>(
    scene: &Scene<C>,
    ask: &C::Ask,
) -> Result<(), Stop> {
    let before = scene.provider.requests().await;
    scene.inflict(Fault::Delay(DELAY)).await?;
    let (backend, ask) = (scene.backend.clone(), ask.clone());
    let call = tokio::spawn(async move { C::ask(&*backend, &ask).await });
    match before {
        Some(before) => {
            while scene.provider.requests().await <= Some(before) && !call.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        None => tokio::time::sleep(DROPPED_AFTER).await,
    }
    call.abort();
    let _gone = call.await;
    Ok(())
}
