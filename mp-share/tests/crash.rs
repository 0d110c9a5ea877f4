//! Every crash on the way from joining to a full group, and from joining to an expired one.

mod world;

use mp_share::{group::GroupState, member::MemberState};

use self::world::{Books, Fault, GROUP_PRICE, Process, World, pass_deadline, terms, user};

const MEMBERS: [&str; 3] = ["mei", "ada", "bo"];

/// How the evening is meant to end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Filled,
    Expired,
}

impl Ending {
    fn joiners(self) -> &'static [&'static str] {
        match self {
            Self::Filled => &MEMBERS[1..],
            Self::Expired => &MEMBERS[1..2],
        }
    }
}

/// Everything that people and the worker do, until somebody is told of a failure.
async fn evening(world: &World, process: &Process, ending: Ending) {
    let key = "key".parse().expect("a key");
    let (merchant, groups) = (user("merchant"), &process.groups);
    let Ok(offer) = groups.offers().create(&merchant, &key, &terms(3)).await else {
        return;
    };
    let Ok(view) = groups.open(&user("mei"), &key, offer.id).await else {
        return;
    };
    for name in ending.joiners() {
        if groups.join(&user(name), &key, view.group).await.is_err() {
            return;
        }
    }
    let _ = process.worker.drain().await;
    if ending == Ending::Expired {
        pass_deadline(world);
        let _ = process.worker.drain().await;
    }
}

/// Lets one call go wrong, starts the process again, has everybody repeat what they asked for, and
/// checks that all is as if nothing had happened; returns whether there was such a call.
async fn survives(ending: Ending, call: u32, fault: Fault) -> bool {
    let world = World::new();
    world.faults.plan(call, fault);
    evening(&world, &world.process(), ending).await;
    let fired = world.faults.fired();
    world.faults.restart();
    let process = world.process();
    evening(&world, &process, ending).await;
    process.pass(&world, 5).await;
    let case = format!("{ending:?}, call {call} {fault:?}");
    check(&world, &process, ending, &case).await;
    fired
}

async fn check(world: &World, process: &Process, ending: Ending, case: &str) {
    let key = "key".parse().expect("a key");
    let offer = process
        .groups
        .offers()
        .create(&user("merchant"), &key, &terms(3))
        .await;
    let offer = offer.expect(case).id;
    let group = process
        .groups
        .open(&user("mei"), &key, offer)
        .await
        .expect(case);
    let members = 1 + ending.joiners().len();
    let (state, member, taken, sold, topic) = match ending {
        Ending::Filled => {
            let confirmed = MemberState::Confirmed;
            (
                GroupState::Filled,
                confirmed,
                3 * GROUP_PRICE,
                3,
                "group.filled",
            )
        }
        Ending::Expired => (
            GroupState::Expired,
            MemberState::Released,
            0,
            0,
            "group.expired",
        ),
    };
    assert_eq!(group.state, state, "{case}");
    for name in &MEMBERS[..members] {
        assert_eq!(
            process.member(name, group.group).await,
            Some(member),
            "{case}: {name}"
        );
    }
    assert_eq!(world.bank.books(), Books { held: 0, taken }, "{case}");
    assert_eq!(process.stock(offer).await, (0, sold), "{case}");
    assert_eq!(world.told.count(topic), members, "{case}");
    assert_eq!(world.store.overfull(), 0, "{case}");
    assert!(!world.work_is_left().await, "{case}");
}

#[tokio::test(start_paused = true)]
async fn no_crash_loses_a_seat_or_money() {
    for ending in [Ending::Filled, Ending::Expired] {
        let mut cases = 0;
        for fault in Fault::ALL {
            let mut call = 0;
            while survives(ending, call, fault).await {
                call += 1;
            }
            assert!(call > 20, "the evening makes more calls than {call}");
            cases += call;
        }
        println!("{ending:?}: {cases} cases");
    }
}
