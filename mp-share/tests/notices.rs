//! What a group tells its members reaches the host, whatever error the host answers at first.

mod world;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    Error,
    port::{Notification, Notifier},
    work::{Worker, WorkerOptions},
};
use mp_share::Groups;

use self::world::{World, pass_deadline, terms};

/// Finds something invalid in the first notification that it is handed.
#[derive(Debug, Default)]
struct Picky(AtomicU32);

#[async_trait]
impl Notifier for Picky {
    async fn notify(&self, _: &Notification) -> Result<(), Error> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::invalid("topic", "has no text yet")),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_notice_that_the_host_cannot_give_now_is_handed_over_again_whatever_the_error() {
    let world = World::new();
    let mut process = world.process();
    let (picky, offers) = (Arc::new(Picky::default()), process.groups.offers().clone());
    process.groups = Groups::new(&process.engine, offers, world.bank.clone(), picky.clone());
    process.worker = Worker::new(&process.engine, WorkerOptions::default());
    process.worker = process.worker.with(process.groups.handlers());
    let offer = process.offer(terms(2)).await;
    process.open("mei", offer).await;
    pass_deadline(&world);
    process.pass(&world, 2).await;
    assert_eq!(picky.0.load(Ordering::SeqCst), 2);
    assert!(!world.work_is_left().await);
}
