//! 6. What a store answers is true, and the head names the commit that made it.

use super::{
    StoreFactory, Violation,
    crowd::crowd,
    scene::{at, batch, commit, create, partition, put, read, shown},
    violation::{ensure, ensure_eq},
};
use crate::store::{StoreErrorKind, Version};

/// The head keeps the id of its last commit, which is how a lost answer is found again.
pub async fn the_head_keeps_the_commit_id(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let mut head = Version::ABSENT;
    for write in [put("", "first"), put("", "second"), put("a", "third")] {
        let batch = batch(head, at(0), vec![write]);
        let id = batch.commit_id;
        head = store.commit(&partition(1), batch).await?;
        ensure_eq("the commit id", read(&store, 1).await?.commit_id, id)?;
    }
    Ok(())
}

/// A batch that is sent twice, as after a lost answer, is applied once.
pub async fn a_batch_sent_twice_applies_once(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let head = create(&store, 1, vec![]).await?;
    let batch = batch(head, at(0), vec![put("", "once")]);
    let version = store.commit(&partition(1), batch.clone()).await?;
    match store.commit(&partition(1), batch).await {
        Ok(again) => ensure_eq("the second answer", again, version)?,
        Err(error) => ensure_eq("the second answer", error.kind(), StoreErrorKind::Conflict)?,
    }
    ensure_eq("the head", read(&store, 1).await?.head, version)
}

/// What is answered `Ok` was written, and what is answered as an error other than `Unknown` was
/// not, however many commit at once.
pub async fn answers_are_true(factory: &dyn StoreFactory) -> Result<(), Violation> {
    const ROUNDS: u32 = 8;
    let store = factory.open().await;
    create(&store, 1, vec![]).await?;
    let answers = crowd(&store, |store, n| async move {
        let mut answers = Vec::new();
        for round in 0..ROUNDS {
            let key = format!("c/{n}/{round}");
            let head = read(&store, 1).await?.head;
            let answer = commit(&store, 1, head, vec![put(&key, "mine")]).await;
            answers.push((key, answer.map_err(|error| error.kind())));
        }
        Ok::<_, Violation>(answers)
    });
    let answers: Vec<_> = answers.await?.into_iter().collect::<Result<_, _>>()?;
    let view = read(&store, 1).await?;
    for (key, answer) in answers.into_iter().flatten() {
        let written = shown(&view, &key).is_some();
        let told = answer == Err(StoreErrorKind::Unknown) || answer.is_ok() == written;
        ensure(
            told,
            &format!("answered {answer:?}, but written: {written}"),
        )?;
    }
    Ok(())
}
