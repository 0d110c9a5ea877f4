//! Which groups leave the store.

mod world;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Error, ErrorKind,
    port::{Fact, SettlementListener, SettlementStatus},
    retention::{AGE_MIN, FileArchive, Retention, Sweep},
};
use mp_share::retention::EndedGroups;

use self::world::{Process, World, app, pass_deadline, terms, user};

async fn sweep(world: &World, process: &Process) -> Sweep {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(FileArchive::in_folder(folder.path()));
    let retention = Retention::new(&process.engine, world.store.clone(), archive)
        .with(Arc::new(EndedGroups), Duration::ZERO);
    retention.sweep_all().await.expect("sweeps")
}

#[tokio::test]
async fn a_filled_group_is_archived_and_answers_so() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(2)).await;
    let group = process.open("mei", offer).await.group;
    process.join("ada", group).await.expect("joins");
    process.pass(&world, 2).await;
    world.clock.advance(AGE_MIN);
    let swept = sweep(&world, &process).await;
    assert_eq!((swept.seen, swept.retired), (1, 1));

    let status = process.groups.status(&user("mei"), group).await;
    let error = Error::from(status.expect_err("is archived"));
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::NotFound, "archived")
    );
    let late = process.join("tom", group).await;
    assert_eq!(
        Error::from(late.expect_err("is archived")).code(),
        "archived"
    );
    for key in world.bank.keys() {
        for status in [SettlementStatus::Settled, SettlementStatus::Declined] {
            let (app, key) = (app(), key.parse().expect("a key"));
            let fact = Fact { app, key, status };
            let heard = process.groups.learnt(&fact).await;
            heard.expect("needs not be told again");
        }
    }
    // Its pieces stay sold.
    assert_eq!(process.stock(offer).await, (0, 2));
}

#[tokio::test]
async fn a_group_stays_until_every_member_has_a_seat_or_everything_back() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(3)).await;
    let group = process.open("mei", offer).await.group;
    process.join("ada", group).await.expect("joins");
    world.clock.advance(AGE_MIN * 10);
    assert_eq!(sweep(&world, &process).await.live, 1, "nobody has ended it");
    pass_deadline(&world);
    process.pass(&world, 2).await;
    world.clock.advance(AGE_MIN);
    assert_eq!(sweep(&world, &process).await.retired, 1);
    assert_eq!(process.stock(offer).await, (0, 0));
    let books = world.bank.books();
    assert_eq!((books.held, books.taken), (0, 0));
}
