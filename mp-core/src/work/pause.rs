use std::{
    future::{pending, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

/// Waits while there is nothing to do: until the time is over, the signal to stop comes, or a hint
/// that there is work.
pub(super) async fn pause(
    most: Duration,
    stop: &mut watch::Receiver<bool>,
    hints: Option<&mut watch::Receiver<()>>,
) {
    let ended = first(stop.changed(), hint(hints));
    // Whichever it was, the worker looks at all of them next.
    let _ = timeout(most, ended).await;
}

/// Waits for a hint, for ever if none can come.
async fn hint(hints: Option<&mut watch::Receiver<()>>) {
    let Some(hints) = hints else {
        return pending().await;
    };
    if hints.changed().await.is_err() {
        pending().await
    }
}

/// Waits for the first of two.
async fn first<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        if one.as_mut().poll(context).is_ready() || other.as_mut().poll(context).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
