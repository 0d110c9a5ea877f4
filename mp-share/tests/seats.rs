//! Seats that are taken at once and paid for later, in groups larger than one commit takes.

mod world;

use mp_share::{
    GroupError,
    group::{GroupId, GroupState},
    member::MemberState,
};

use self::world::{Books, GROUP_PRICE, Process, World, pass_deadline, terms, user};

/// More members than one commit lets go of or keeps.
const CROWD: u32 = 700;

async fn take(process: &Process, name: &str, group: GroupId) -> Result<(), GroupError> {
    let key = "join".parse().expect("a key");
    let taken = process.groups.take_seat(&user(name), &key, group).await;
    taken.map(drop)
}

/// Opens a group of [`CROWD`] and has so many more people take a seat.
async fn crowd(process: &Process, people: u32) -> GroupId {
    let mut large = terms(CROWD);
    large.pieces = CROWD;
    let offer = process.offer(large).await;
    let group = process.open("mei", offer).await.group;
    for person in 0..people {
        let taken = take(process, &format!("u{person}"), group).await;
        taken.expect("there are seats");
    }
    group
}

#[tokio::test]
async fn due_work_pays_for_a_seat_that_was_taken_without_waiting() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(2)).await;
    let group = process.open("mei", offer).await.group;
    take(&process, "ada", group).await.expect("takes a seat");
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Reserved)
    );
    assert_eq!(world.bank.live("ada"), 0, "nothing was asked of the bank");

    world.process().worker.drain().await.expect("works");
    for name in ["mei", "ada"] {
        let member = process.member(name, group).await;
        assert_eq!(member, Some(MemberState::Confirmed), "{name}");
    }
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn a_seat_that_was_taken_is_joined_with_the_same_key() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(3)).await;
    let group = process.open("mei", offer).await.group;
    take(&process, "ada", group).await.expect("takes a seat");
    let view = process.join("ada", group).await.expect("the same seat");
    let member = view.membership.expect("a member");
    assert_eq!(member.state, MemberState::Secured);
    assert_eq!(view.free, 1);
}

#[tokio::test]
async fn a_group_larger_than_one_commit_fills() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 1).await;
    let full = take(&process, "late", group).await;
    assert!(matches!(full, Err(GroupError::Full)));
    process.pass(&world, 2).await;

    let view = process.groups.status(&user("mei"), group).await;
    assert_eq!(view.expect("reads").state, GroupState::Filled);
    let taken = i64::from(CROWD) * GROUP_PRICE;
    assert_eq!(world.bank.books(), Books { held: 0, taken });
    assert_eq!(world.told.count("group.filled"), CROWD as usize);
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn a_group_larger_than_one_commit_expires() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 2).await;
    process.pass(&world, 1).await;
    pass_deadline(&world);
    process.pass(&world, 2).await;

    let view = process.groups.status(&user("u0"), group).await;
    let view = view.expect("reads");
    assert_eq!(view.state, GroupState::Expired);
    assert_eq!(view.free, CROWD);
    assert_eq!(world.bank.books(), Books { held: 0, taken: 0 });
    assert_eq!(world.told.count("group.expired"), CROWD as usize - 1);
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn seats_that_lapsed_make_room_for_more_than_one_commit_gives_back() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 1).await;
    // Nobody did due work, and nobody paid in time but the opener.
    world.clock.advance(std::time::Duration::from_secs(700));
    for person in 0..CROWD - 1 {
        let taken = take(&process, &format!("new{person}"), group).await;
        taken.expect("a seat has lapsed");
    }
    let full = take(&process, "late", group).await;
    assert!(matches!(full, Err(GroupError::Full)));
    assert_eq!(world.store.overfull(), 0);
}
