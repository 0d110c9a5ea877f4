use tokio::task::JoinSet;

use super::{Violation, contract::Contract, scene::Scene};
use crate::backend::{BackendError, Outcome};

/// How many calls are made at once in the clauses about concurrency.
pub(super) const CROWD: i64 = 8;

/// Asks for all of this at once, each in a task of its own, and returns what each was answered.
pub(super) async fn at_once<C: Contract>(
    scene: &Scene<C>,
    asks: impl IntoIterator<Item = C::Ask>,
) -> Result<Vec<(C::Ask, Result<Outcome, BackendError>)>, Violation> {
    let mut calls = JoinSet::new();
    for ask in asks {
        let backend = scene.backend.clone();
        calls.spawn(async move {
            let answer = C::ask(&*backend, &ask).await;
            (ask, answer)
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = calls.join_next().await {
        answers.push(answer.map_err(|error| Violation::new(format!("a call died: {error}")))?);
    }
    Ok(answers)
}
