//! 9. What is told of a capture, an increase, a void or a refund is told under its own key.

use super::{
    Skip, Violation,
    ask::Ask,
    asking::{is_done, short},
    scene::{PART, REST, Scene, WHOLE},
    stop::{Stop, declared},
    violation::{ensure, ensure_eq},
};
use crate::backend::{Lookup, Outcome};

/// A capture is told under its own key, and its hold under that of the hold.
pub(super) async fn a_capture_is_told_under_its_own_key(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_capture, "partial_capture")?;
    let hold = scene.hold(WHOLE).await?;
    let capture = scene.capture(&hold, 1, PART, true);
    scene.settle(&capture).await?;
    tells_its_own(scene, &capture).await
}

/// An increase is told under its own key.
pub(super) async fn an_increase_is_told_under_its_own_key(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.increases_max > 0, "increases_max")?;
    let hold = scene.hold(WHOLE).await?;
    let increase = scene.increase(&hold, 1, WHOLE + REST);
    scene.settle(&increase).await?;
    tells_its_own(scene, &increase).await
}

/// A refund is told under its own key, and its charge under that of the charge.
pub(super) async fn a_refund_is_told_under_its_own_key(scene: &Scene) -> Result<(), Stop> {
    declared(scene.can.partial_refund, "partial_refund")?;
    let charge = scene.take(WHOLE).await?;
    let refund = scene.refund(&charge, PART);
    scene.settle(&refund).await?;
    tells_its_own(scene, &refund).await?;
    tells_its_own(scene, &charge.ask).await
}

/// A void is told as settled, and what it let go of never as that: nobody has paid.
pub(super) async fn a_void_settles_no_charge(scene: &Scene) -> Result<(), Stop> {
    let hold = scene.hold(WHOLE).await?;
    scene.settle(&Scene::void(&hold)).await?;
    match told(scene, &hold.ask).await? {
        Some(Outcome::Settled { .. }) => Err(Violation::new(
            "a hold was voided, and then told as Settled under its own key",
        )
        .into()),
        _ => Ok(()),
    }
}

/// What the provider tells by itself names the operation that it is about, and agrees. Where nothing of
/// what was asked is told, that may be the provider's way or a reader's that drops it: it is not tried.
pub(super) async fn notices_name_their_operation(scene: &Scene) -> Result<(), Stop> {
    let charge = scene.take(WHOLE).await?;
    let back = if scene.can.partial_refund {
        PART
    } else {
        WHOLE
    };
    let asks = [charge.ask.clone(), scene.refund(&charge, back)];
    scene.settle(&asks[1]).await?;
    scene.provider.wait().await;
    let notices = scene.provider.notices().await.unwrap_or_default();
    if notices.is_empty() {
        return Err(Skip::NotProvided("notices of what was done").into());
    }
    for notice in notices {
        let about = asks.iter().find(|ask| ask.key() == notice.operation);
        let Some(ask) = about else {
            let seen = format!("a notice is about {}, never asked for", notice.operation);
            return Err(Violation::new(seen).into());
        };
        let told = notice.outcome;
        let agrees = !told.is_known() || is_done(&told);
        ensure(agrees, || {
            format!("{ask} was done, and a notice tells {}", short(&told))
        })?;
        let amount = told.amount().or(ask.amount());
        ensure_eq(
            &format!("the amount in a notice about {ask}"),
            amount,
            ask.amount(),
        )?;
    }
    Ok(())
}

async fn tells_its_own(scene: &Scene, ask: &Ask) -> Result<(), Stop> {
    let told = told(scene, ask).await?.and_then(|outcome| outcome.amount());
    let own = told.is_none_or(|told| Some(told) == ask.amount());
    Ok(ensure(own, || match told {
        Some(told) => format!("under the key of {ask}, {told} is told"),
        None => format!("under the key of {ask}, no amount is told"),
    })?)
}

/// Returns what a lookup tells of an operation.
async fn told(scene: &Scene, ask: &Ask) -> Result<Option<Outcome>, Stop> {
    declared(scene.can.queries.find_any(), "queries")?;
    Ok(match scene.look_up(ask).await? {
        Lookup::Found(outcome) => Some(outcome),
        Lookup::NotFound | Lookup::CannotTell => None,
    })
}
