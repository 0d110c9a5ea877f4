//! 6. What became of a commit whose answer nobody heard is found out, and then stays so.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use super::{
    StoreFactory, Violation,
    scene::{at, batch, commit, create, deliver, due, keys, partition, put, read},
    violation::ensure_eq,
};
use crate::store::{Batch, StoreErrorKind, Version, View};

/// After how many polls a caller gives up at the latest; the clauses try every number from one on.
const POLLS: u32 = 12;

/// A commit that was given up on shows in a read as a whole or not at all, at any time.
pub async fn an_unheard_commit_is_whole_or_nothing(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    const READS: u32 = 8;
    let store = factory.open().await;
    for n in 1..=POLLS {
        let head = create(&store, n, vec![]).await?;
        let unheard = unheard(head);
        give_up(n, store.commit(&partition(n), unheard.clone())).await;
        for _ in 0..READS {
            is_whole_or_nothing(&read(&store, n).await?, &unheard)?;
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// The next commit on the same head finds out what became of one that was given up on: if it is
/// refused, the other is there and stays; if it succeeds, the other never comes.
pub async fn what_became_of_an_unheard_commit_is_final(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    const LATER: u32 = 4;
    let store = factory.open().await;
    let mut those_that_came = 0;
    for n in 1..=POLLS {
        let head = create(&store, n, vec![]).await?;
        give_up(n, store.commit(&partition(n), unheard(head))).await;
        let came = match commit(&store, n, head, vec![put("", "next")]).await {
            Ok(_) => false,
            Err(error) if error.kind() == StoreErrorKind::Conflict => true,
            Err(error) => return Err(error.into()),
        };
        those_that_came += usize::from(came);
        for _ in 0..LATER {
            let view = read(&store, n).await?;
            ensure_eq("whether it is there", is_there(&view), came)?;
            commit(&store, n, view.head, vec![put("", "later")]).await?;
        }
    }
    let due = due(&store, at(1)).await?;
    ensure_eq("their deliveries", due.len(), those_that_came)
}

/// Returns a batch of several records and a delivery.
fn unheard(head: Version) -> Batch {
    let records = ["u/1", "u/2", "u/3"].map(|key| put(key, "unheard"));
    let mut writes = vec![put("", "unheard"), deliver("~o/mail/1", at(0))];
    writes.extend(records);
    batch(head, at(0), writes)
}

/// Polls a future so many times at most, letting others in between, and drops it.
async fn give_up<F: Future>(polls: u32, future: F) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let done = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
        if done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn is_whole_or_nothing(view: &View, unheard: &Batch) -> Result<(), Violation> {
    if view.head == unheard.expect {
        return ensure_eq("the records", keys(view), vec![""]);
    }
    ensure_eq("the records", keys(view), vec!["", "u/1", "u/2", "u/3"])?;
    ensure_eq("the commit id", view.commit_id, unheard.commit_id)
}

fn is_there(view: &View) -> bool {
    keys(view).contains(&"u/1")
}
