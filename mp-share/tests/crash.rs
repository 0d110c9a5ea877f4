//! Every crash on the way from joining to a full group, to an expired one, and out again.

mod world;

use mp_share::{GroupError, group::GroupState, member::MemberState};

use self::world::{Books, Fault, GROUP_PRICE, Process, World, pass_deadline, terms, user};

/// How the evening is meant to go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Evening {
    /// Mei opens a group, Ada and Bo join, and it fills.
    Fills,
    /// Mei opens a group, only Ada joins, and its time is over.
    Expires,
    /// Mei opens a group, Ada joins and leaves, Bo and Cy join, and it fills.
    LosesAda,
}

impl Evening {
    fn joiners(self) -> &'static [&'static str] {
        match self {
            Self::Fills => &["ada", "bo"],
            Self::Expires => &["ada"],
            Self::LosesAda => &["ada", "bo", "cy"],
        }
    }

    /// Returns where each member is to stand in the end.
    fn members(self) -> &'static [(&'static str, MemberState)] {
        use MemberState::{Confirmed, Released};
        match self {
            Self::Fills => &[("mei", Confirmed), ("ada", Confirmed), ("bo", Confirmed)],
            Self::Expires => &[("mei", Released), ("ada", Released)],
            Self::LosesAda => &[
                ("mei", Confirmed),
                ("ada", Released),
                ("bo", Confirmed),
                ("cy", Confirmed),
            ],
        }
    }
}

/// Everything that people and the worker do, until somebody is told of a failure.
async fn spend(evening: Evening, world: &World, process: &Process) -> Result<(), GroupError> {
    let key = "key".parse().expect("a key");
    let (merchant, groups) = (user("merchant"), &process.groups);
    let offer = groups.offers().create(&merchant, &key, &terms(3)).await?.id;
    let group = groups.open(&user("mei"), &key, offer).await?.group;
    for name in evening.joiners() {
        groups.join(&user(name), &key, group).await?;
        if (evening, *name) == (Evening::LosesAda, "ada") {
            groups.leave(&user(name), &key, group).await?;
        }
    }
    process.worker.drain().await?;
    if evening == Evening::Expires {
        pass_deadline(world);
        process.worker.drain().await?;
    }
    Ok(())
}

/// Lets one call go wrong, starts the process again, has everybody repeat what they asked for, and
/// checks that all is as if nothing had happened; returns whether there was such a call.
async fn survives(evening: Evening, call: u32, fault: Fault) -> bool {
    let world = World::new();
    world.faults.plan(call, fault);
    // Whoever is told of a failure asks again after the restart.
    let _ = spend(evening, &world, &world.process()).await;
    let fired = world.faults.fired();
    world.faults.restart();
    let process = world.process();
    let case = format!("{evening:?}, call {call} {fault:?}");
    spend(evening, &world, &process).await.expect(&case);
    process.pass(&world, 5).await;
    check(evening, &world, &process, &case).await;
    fired
}

async fn check(evening: Evening, world: &World, process: &Process, case: &str) {
    let key = "key".parse().expect("a key");
    let offers = process.groups.offers();
    let offer = offers
        .create(&user("merchant"), &key, &terms(3))
        .await
        .expect(case)
        .id;
    let group = process
        .groups
        .open(&user("mei"), &key, offer)
        .await
        .expect(case);
    for (name, expected) in evening.members() {
        let member = process.member(name, group.group).await;
        assert_eq!(member, Some(*expected), "{case}: {name}");
    }
    let (state, sold, topic, told) = match evening {
        Evening::Fills | Evening::LosesAda => (GroupState::Filled, 3, "group.filled", 3),
        Evening::Expires => (GroupState::Expired, 0, "group.expired", 2),
    };
    assert_eq!(group.state, state, "{case}");
    let taken = i64::from(sold) * GROUP_PRICE;
    assert_eq!(world.bank.books(), Books { held: 0, taken }, "{case}");
    assert_eq!(process.stock(offer).await, (0, sold), "{case}");
    assert_eq!(world.told.count(topic), told, "{case}");
    assert_eq!(world.store.overfull(), 0, "{case}");
    assert!(!world.work_is_left().await, "{case}");
}

#[tokio::test(start_paused = true)]
async fn no_crash_loses_a_seat_or_money() {
    for evening in [Evening::Fills, Evening::Expires, Evening::LosesAda] {
        let mut cases = 0;
        for fault in Fault::ALL {
            let mut call = 0;
            while survives(evening, call, fault).await {
                call += 1;
            }
            assert!(call > 20, "the evening makes more calls than {call}");
            cases += call;
        }
        println!("{evening:?}: {cases} cases");
    }
}
