//! 13. What is open goes by the name of what follows, and a name finds no other operation.

use std::fmt::Display;

use super::{
    Violation,
    answered::asked,
    ask::Ask,
    asking::short,
    contract::Contract,
    scene::Scene,
    stop::{Stop, declared},
    violation::{ensure, ensure_eq},
};
use crate::backend::{Lookup, Outcome, Queries, Reference};

/// A reference that is told while an operation is open is told with what follows too.
pub(super) async fn what_is_open_goes_by_the_name_of_what_follows(
    scene: &Scene,
) -> Result<(), Stop> {
    let acting = scene.charge_of_acting();
    let mut asks = scene.one_of_each().await?;
    asks.extend(acting.clone());
    let mut named = false;
    for ask in asks {
        let Ok(open) = scene.ask(&ask).await? else {
            continue;
        };
        if open.is_known() || open == Outcome::Unknown {
            continue;
        }
        if let Some(name) = open.reference().cloned() {
            named = true;
            keeps_its_name(scene, &ask, open, &name).await?;
        } else {
            ensure(scene.can.queries != Queries::ByReference, || {
                format!("{ask} is open, and no name was told by which it could be asked about")
            })?;
        }
    }
    if !named {
        acting?;
        declared(named, "that it names what is open")?;
    }
    Ok(())
}

/// Demands that an open operation goes by this name until its outcome is known.
async fn keeps_its_name(
    scene: &Scene,
    ask: &Ask,
    open: Outcome,
    name: &Reference,
) -> Result<(), Stop> {
    let what = format!("the name of {ask}, told while it was open");
    if scene.can.queries.find_any()
        && let Lookup::Found(found) = scene.look_up(ask).await?
    {
        ensure_eq(&what, found.reference().unwrap_or(name), name)?;
    }
    let outcome = scene.known(ask, open).await?;
    Ok(ensure_eq(&what, outcome.reference().unwrap_or(name), name)?)
}

/// Who asks what became of an operation by the name of another is told nothing of that other one, of
/// whichever kind both are.
pub(super) async fn the_name_of_another_finds_nothing_of_it<C: Contract>(
    scene: &Scene<C>,
) -> Result<(), Stop> {
    asked(scene)?;
    let (ones, others) = (scene.one_of_each().await?, scene.one_of_each().await?);
    let never = scene.one_of_each().await?;
    for ((one, other), never) in ones.iter().zip(&others).zip(&never) {
        scene.settle(one).await?;
        let theirs = scene.settle(other).await?;
        finds_its_own(scene, one, other, &theirs).await?;
        finds_nothing(scene, never, &theirs).await?;
    }
    Ok(())
}

/// Demands that what was done is found as that or not told of, by whichever name it is asked about.
async fn finds_its_own<C: Contract>(
    scene: &Scene<C>,
    one: &C::Ask,
    other: &C::Ask,
    theirs: &Outcome,
) -> Result<(), Stop> {
    match scene.look_up_by(one, theirs.reference().cloned()).await? {
        Lookup::Found(Outcome::Declined { .. }) => {
            let seen = format!("{one} was done, and by the name of another was found declined");
            return Err(Violation::new(seen).into());
        }
        Lookup::Found(found) => {
            ensure(found.reference() != theirs.reference(), || {
                format!("{one}, asked about by the name of {other}, was told as that")
            })?;
        }
        Lookup::NotFound => return Err(not_found(one, "by the name of another").into()),
        Lookup::CannotTell => {}
    }
    let nobodys = Reference::new("mp_nobodys").ok();
    match scene.look_up_by(one, nobodys).await? {
        Lookup::NotFound => Err(not_found(one, "by a name that nothing has").into()),
        Lookup::Found(_) | Lookup::CannotTell => Ok(()),
    }
}

/// Demands that what was never made is not found done by the name of another, nor as that.
async fn finds_nothing<C: Contract>(
    scene: &Scene<C>,
    never: &C::Ask,
    theirs: &Outcome,
) -> Result<(), Stop> {
    let is_of_nobody =
        |found: &Outcome| !C::is_done(found) && found.reference() != theirs.reference();
    match scene.look_up_by(never, theirs.reference().cloned()).await? {
        Lookup::Found(found) => Ok(ensure(is_of_nobody(&found), || {
            let found = short(&found);
            format!("{never} was never made, and was found {found} by the name of another")
        })?),
        Lookup::NotFound | Lookup::CannotTell => Ok(()),
    }
}

fn not_found(ask: &impl Display, by: &str) -> Violation {
    Violation::new(format!("{ask} was done, and was not found {by}"))
}
