//! Every crash on the way from joining to a full group, to an expired one, and out again: with
//! payments that are begun together with the seat, and with payments that due work begins later.

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
    /// Mei opens a group, Ada and Bo take seats, and due work pays for them: it fills.
    FillsLater,
    /// Mei opens a group, Ada takes a seat, and its time is over before any work is done.
    ExpiresUnplanned,
    /// Mei opens a group, Ada takes a seat and leaves before any work is done, Bo and Cy take seats.
    LosesAdaUnplanned,
}

impl Evening {
    const ALL: [Self; 6] = [
        Self::Fills,
        Self::Expires,
        Self::LosesAda,
        Self::FillsLater,
        Self::ExpiresUnplanned,
        Self::LosesAdaUnplanned,
    ];

    /// Returns whether people do not wait for their payments.
    const fn pays_later(self) -> bool {
        matches!(
            self,
            Self::FillsLater | Self::ExpiresUnplanned | Self::LosesAdaUnplanned
        )
    }

    const fn expires(self) -> bool {
        matches!(self, Self::Expires | Self::ExpiresUnplanned)
    }

    const fn loses_ada(self) -> bool {
        matches!(self, Self::LosesAda | Self::LosesAdaUnplanned)
    }

    fn joiners(self) -> &'static [&'static str] {
        match self {
            Self::Fills | Self::FillsLater => &["ada", "bo"],
            Self::Expires | Self::ExpiresUnplanned => &["ada"],
            Self::LosesAda | Self::LosesAdaUnplanned => &["ada", "bo", "cy"],
        }
    }

    /// Returns where each member is to stand in the end.
    fn members(self) -> &'static [(&'static str, MemberState)] {
        use MemberState::{Confirmed, Released};
        match self {
            Self::Fills | Self::FillsLater => {
                &[("mei", Confirmed), ("ada", Confirmed), ("bo", Confirmed)]
            }
            Self::Expires | Self::ExpiresUnplanned => &[("mei", Released), ("ada", Released)],
            Self::LosesAda | Self::LosesAdaUnplanned => &[
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
    let offer = groups.offers().create(&merchant, &terms(3), &key).await?.id;
    let group = groups.open(&user("mei"), offer, &key).await?.group;
    for name in evening.joiners() {
        if evening.pays_later() {
            groups.take_seat(&user(name), group, &key).await?;
        } else {
            groups.join(&user(name), group, &key).await?;
        }
        if evening.loses_ada() && *name == "ada" {
            groups.leave(&user(name), group, &key).await?;
        }
    }
    if evening != Evening::ExpiresUnplanned {
        process.worker.drain().await?;
    }
    if evening.expires() {
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
        .create(&user("merchant"), &terms(3), &key)
        .await
        .expect(case)
        .id;
    let group = process
        .groups
        .open(&user("mei"), offer, &key)
        .await
        .expect(case);
    for (name, expected) in evening.members() {
        let member = process.member(name, group.group).await;
        assert_eq!(member, Some(*expected), "{case}: {name}");
    }
    let (state, sold, topic, told) = if evening.expires() {
        (GroupState::Expired, 0, "group.expired", 2)
    } else {
        (GroupState::Filled, 3, "group.filled", 3)
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
    for evening in Evening::ALL {
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
