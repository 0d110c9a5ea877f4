//! Two hundred people rush one group of five, through two processes.

mod world;

use std::sync::Arc;

use mp_core::store::Store;
use mp_share::{
    group::{GroupId, GroupState},
    member::MemberState,
};
use tokio::{sync::Semaphore, task::JoinSet};

use self::world::{Books, GROUP_PRICE, Payer, Process, World, nobody, pass_deadline, terms, user};

const PEOPLE: usize = 200;
const TASKS: usize = 64;
const SEATS: u32 = 5;

fn name(person: usize) -> String {
    format!("u{person}")
}

/// Has people join, each trying a few times, while both processes do due work.
async fn rush(processes: &[Arc<Process>; 2], group: GroupId) {
    let turns = Arc::new(Semaphore::new(TASKS));
    let mut tasks = JoinSet::new();
    for person in 0..PEOPLE {
        let (process, turns) = (processes[person % 2].clone(), turns.clone());
        tasks.spawn(async move {
            let _turn = turns.acquire().await.expect("never closed");
            for attempt in 0..3 {
                let key = format!("try-{attempt}").parse().expect("a key");
                match process.groups.join(&user(&name(person)), group, &key).await {
                    Err(error) if error.code() == "group_full" => tokio::task::yield_now().await,
                    _ => return,
                }
            }
        });
    }
    while !tasks.is_empty() {
        for process in processes {
            process.worker.drain().await.expect("a healthy store");
        }
        while tasks.try_join_next().is_some() {}
        tokio::task::yield_now().await;
    }
}

async fn evening(behaviour: impl Fn(usize) -> Payer) -> (World, GroupState) {
    let world = World::new();
    let processes = [Arc::new(world.process()), Arc::new(world.process())];
    for person in 0..PEOPLE {
        world.bank.set(&name(person), behaviour(person));
    }
    let offer = processes[0].offer(terms(SEATS)).await;
    let group = processes[0].open("u0", offer).await.group;
    rush(&processes, group).await;
    processes[0].pass(&world, 12).await;
    pass_deadline(&world);
    processes[1].pass(&world, 5).await;

    let process = &processes[0];
    let state = process
        .groups
        .group(&nobody(), group)
        .await
        .expect("reads")
        .state;
    let (mut confirmed, mut live) = (0, 0);
    for person in 0..PEOPLE {
        let member = process.member(&name(person), group).await;
        let kept = member == Some(MemberState::Confirmed);
        let gone = matches!(member, None | Some(MemberState::Released));
        assert!(
            kept || gone,
            "{person} has a seat or everything back, not {member:?}"
        );
        assert_eq!(
            world.bank.live(&name(person)),
            usize::from(kept),
            "{person}"
        );
        confirmed += u32::from(kept);
        live += world.bank.live(&name(person));
    }
    assert_eq!(live, confirmed as usize);
    let taken = i64::from(confirmed) * GROUP_PRICE;
    assert_eq!(world.bank.books(), Books { held: 0, taken });
    assert_eq!(
        process.stock(offer).await,
        (0, confirmed),
        "nothing is held at rest"
    );
    assert_eq!(
        confirmed,
        if state == GroupState::Filled {
            SEATS
        } else {
            0
        }
    );
    assert_eq!(
        world.store.overfull(),
        0,
        "never more given out than there is"
    );
    assert!(world.store.commits() > 0, "the watch was awake");
    assert!(!world.work_is_left().await);
    assert!(world.store.dead(None, 1).await.expect("lists").is_empty());
    (world, state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_never_overfills_a_group() {
    let mixed = |person| match person % 4 {
        0 if person > 0 => Payer::Declines,
        1 => Payer::Dawdles(2),
        2 => Payer::Dawdles(u32::MAX),
        _ => Payer::Pays,
    };
    let (_, state) = evening(mixed).await;
    assert!(matches!(state, GroupState::Filled | GroupState::Expired));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_of_people_who_pay_fills_the_group() {
    let (world, state) = evening(|_| Payer::Pays).await;
    assert_eq!(state, GroupState::Filled);
    assert_eq!(world.told.count("group.filled"), SEATS as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_in_which_too_few_pay_gives_everything_back() {
    let few = |person| {
        if person < 4 {
            Payer::Pays
        } else {
            Payer::Declines
        }
    };
    let (_, state) = evening(few).await;
    assert_eq!(state, GroupState::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_on_scarce_stock_never_oversells_over_many_groups() {
    const GROUPS: u32 = 20;
    const PIECES: u32 = 7;
    let world = World::new();
    let processes = [Arc::new(world.process()), Arc::new(world.process())];
    let mut scarce = terms(2);
    scarce.pieces = PIECES;
    let offer = processes[0].offer(scarce).await;
    let mut tasks = JoinSet::new();
    for pair in 0..GROUPS {
        let process = processes[pair as usize % 2].clone();
        tasks.spawn(async move {
            let view = process.open(&format!("opener{pair}"), offer).await;
            // Whoever opened a group without a piece has no seat in it; the others fill theirs.
            let _ = process.join(&format!("joiner{pair}"), view.group).await;
            view.group
        });
    }
    let groups = tasks.join_all().await;
    pass_deadline(&world);
    processes[0].pass(&world, 5).await;

    let mut filled = 0;
    for group in groups {
        let group = processes[0]
            .groups
            .group(&nobody(), group)
            .await
            .expect("reads");
        filled += u32::from(group.state == GroupState::Filled);
    }
    assert_eq!(processes[0].stock(offer).await, (0, 2 * filled));
    let taken = i64::from(2 * filled) * GROUP_PRICE;
    assert_eq!(world.bank.books(), Books { held: 0, taken });
    assert!(2 * filled <= PIECES, "{filled} groups on {PIECES} pieces");
    assert_eq!(world.store.overfull(), 0);
    assert!(!world.work_is_left().await);
}
