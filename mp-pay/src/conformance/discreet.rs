//! 11. Nothing that is logged shows a secret.

use std::{error::Error, fmt::Write};

use super::{
    Fault, Skip,
    contract::{Behind, Contract},
    scene::{Scene, WHOLE},
    stop::Stop,
    violation::ensure,
};
use crate::backend::BackendError;

/// A backend's `Debug` shows none of its secrets.
pub(super) async fn debug_shows_no_secret<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    secrets(scene)?;
    scene.settle(&scene.plain(WHOLE)).await?;
    let backend = &scene.backend;
    shows_none(
        scene,
        "the backend's Debug",
        &format!("{backend:?} {backend:#?}"),
    )
}

/// No error shows a secret, nor do the errors that caused it.
pub(super) async fn errors_show_no_secret<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    secrets(scene)?;
    let mut faulty = Vec::new();
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer] {
        faulty.push((fault, scene.one_of_each().await?));
    }
    for (fault, asks) in faulty {
        for ask in asks {
            scene.inflict(fault).await?;
            if let Err(error) = scene.ask(&ask).await? {
                shows_none(scene, &format!("the error of {ask}"), &all_of(&error))?;
            }
        }
    }
    Ok(())
}

/// No outcome shows a secret: it is kept, and told to whoever may see the payment.
pub(super) async fn outcomes_show_no_secret<C: Contract>(scene: &Scene<C>) -> Result<(), Stop> {
    secrets(scene)?;
    for ask in scene.one_of_each().await? {
        let outcome = scene.settle(&ask).await?;
        shows_none(
            scene,
            &format!("the outcome of {ask}"),
            &format!("{outcome:?}"),
        )?;
    }
    Ok(())
}

/// Returns everything that an error says when it is logged.
fn all_of(error: &BackendError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string does not fail.
        let _ = write!(text, " {cause} {cause:?}");
        source = cause.source();
    }
    text
}

/// Returns what must not be seen: the backend's secrets, and by what the money comes or goes.
fn secrets<C: Contract>(scene: &Scene<C>) -> Result<Vec<String>, Skip> {
    let mut secrets = scene.provider.secrets();
    if secrets.is_empty() {
        return Err(Skip::NotProvided("secrets"));
    }
    secrets.push(C::means(&scene.provider));
    Ok(secrets)
}

fn shows_none<C: Contract>(scene: &Scene<C>, what: &str, text: &str) -> Result<(), Stop> {
    let secrets = secrets(scene)?;
    let shown = secrets.iter().position(|secret| text.contains(secret));
    // The secret itself is left out of the violation, which is printed.
    Ok(ensure(shown.is_none(), || match shown {
        Some(at) if at + 1 == secrets.len() => format!("{what} shows {}", C::MEANS),
        _ => format!("{what} shows a secret of the factory's"),
    })?)
}
