//! 4. What is not known is told neither as declined nor as done, nor as what surely did not act.

use super::{
    Fault, Violation,
    contract::Contract,
    scene::{Scene, WHOLE},
    stop::Stop,
    violation::ensure,
};
use crate::backend::{BackendErrorKind, Outcome};

/// What was done and not heard of is not told as declined.
pub(super) async fn a_lost_answer_is_no_decline<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    no_decline(scene, Fault::LoseAnswer).await
}

/// What may not have arrived is not told as declined.
pub(super) async fn a_lost_request_is_no_decline<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    no_decline(scene, Fault::LoseRequest).await
}

/// That nobody was reached is not told as declined.
pub(super) async fn an_outage_is_no_decline<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    no_decline(scene, Fault::Refuse).await
}

async fn no_decline<C: Contract>(scene: &Scene<C>, fault: Fault) -> Result<(), Stop> {
    for ask in scene.one_of_each().await? {
        scene.inflict(fault).await?;
        let told = match scene.ask(&ask).await? {
            Ok(Outcome::Declined { code }) => format!("told as Declined as {code}"),
            // Nobody asks for that again either.
            Err(error) if error.kind() == BackendErrorKind::Unsupported => {
                "refused as Unsupported".to_owned()
            }
            _ => continue,
        };
        let seen = format!("{ask} met {fault:?}, and was {told}");
        return Err(Violation::new(seen).into());
    }
    Ok(())
}

/// What is told as done was done.
pub(super) async fn what_is_told_as_done_was_done<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    for fault in [Fault::LoseRequest, Fault::Refuse] {
        let before = scene.moved().await?;
        let charge = scene.plain(WHOLE);
        scene.inflict(fault).await?;
        let told = scene.ask(&charge).await?;
        let moved = scene.moved().await? - before;
        let done = told.is_ok_and(|outcome| C::is_done(&outcome));
        ensure(!done || moved == WHOLE, || {
            let verb = C::MOVED;
            format!("{charge} met {fault:?} and was told as done; the provider has {verb} nothing")
        })?;
    }
    Ok(())
}

/// An error that says that the call surely did not act is true, and the call can be made later.
pub(super) async fn an_error_that_denies_acting_is_true<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer] {
        let before = scene.moved().await?;
        let charge = scene.plain(WHOLE);
        scene.inflict(fault).await?;
        let told = scene.ask(&charge).await?;
        let moved = scene.moved().await? - before;
        let kind = told.err().map(|error| error.kind());
        let denied = matches!(
            kind,
            Some(BackendErrorKind::Unavailable | BackendErrorKind::Unsupported)
        );
        ensure(!denied || moved == 0, || {
            let verb = C::MOVED;
            format!("{charge} met {fault:?} and was told as {kind:?}; the provider has {verb} it")
        })?;
        if denied {
            scene.settle(&charge).await?;
        }
    }
    Ok(())
}
