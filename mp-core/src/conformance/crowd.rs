use std::{fmt, sync::Arc};

use tokio::task::JoinSet;

use super::Violation;
use crate::store::Store;

/// How many tasks press on a store at once in the clauses about concurrency.
pub(super) const CROWD: u32 = 32;

/// Runs the same act in [`CROWD`] tasks at once and returns what each answered.
pub(super) async fn crowd<T, F>(
    store: &Arc<dyn Store>,
    act: impl Fn(Arc<dyn Store>, u32) -> F,
) -> Result<Vec<T>, Violation>
where
    T: fmt::Debug + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for n in 0..CROWD {
        tasks.spawn(act(store.clone(), n));
    }
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.map_err(|error| Violation::new(format!("a call died: {error}")))?);
    }
    Ok(answers)
}
