//! What is told of a run in which something is wrong.

use std::{
    env,
    process::Command as Program,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use mp_core::{
    Command, Document, Edits, Engine, Error, Family,
    id::IdempotencyKey,
    sim::{
        Chance, Drawn, History, Model, Process, SEED_VARIABLE, Simulation, Violation, Workload,
        seeds_or_replay,
    },
    store::{Delivery, Partition},
    work::{self, Done, Handler, HandlerError},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Tin {
    coins: u64,
}

impl Document for Tin {
    const KIND: &'static str = "tin";
    const FORMAT: u32 = 1;
}

/// A message that somebody put a coin in.
#[derive(Deserialize, Serialize)]
struct Clink {
    coin: u64,
}

impl Document for Clink {
    const KIND: &'static str = "tin.clink";
    const FORMAT: u32 = 1;
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Coins(u64);

impl Model for Coins {
    type Command = ();
    type Answer = u64;

    fn apply(&mut self, (): &()) -> Result<u64, &'static str> {
        self.0 += 1;
        Ok(self.0)
    }
}

/// A tin for coins. At the tenth coin something may go wrong.
#[derive(Clone, Copy)]
struct Tins {
    /// Told of each coin: by the decision to take it, by who looks in, and by who hears it.
    decides: fn(coin: u64),
    looks_in: fn(coins: u64),
    hears: fn(coin: u64, attempts: u32),
    at_ten: fn() -> Result<(), Error>,
    handles: fn() -> Result<Done, HandlerError>,
    holds_at_most: u64,
}

impl Tins {
    const RIGHT: Self = Self {
        decides: |_| {},
        looks_in: |_| {},
        hears: |_, _| {},
        at_ten: || Ok(()),
        handles: || Ok(Done::Finished),
        holds_at_most: u64::MAX,
    };

    fn simulation(self) -> Simulation<Self> {
        Simulation::of(move |_| self).with_commands(20)
    }
}

fn tin() -> Command {
    Command::on(Partition::parse("test/tin/1").expect("a well-formed id"))
}

fn coins(family: &Family) -> Result<u64, Error> {
    Ok(family.root::<Tin>()?.map_or(0, |tin| tin.coins))
}

#[async_trait]
impl Workload for Tins {
    type Services = Engine;
    type Model = Coins;

    fn start(&self, process: &Process) -> (Engine, Vec<Arc<dyn Handler>>) {
        let Self { hears, handles, .. } = *self;
        let handler = work::on(move |delivery: Delivery, clink: Clink| async move {
            hears(clink.coin, delivery.attempts);
            handles()
        });
        (process.engine().clone(), vec![handler])
    }

    fn draw(&self, _: &mut Chance) -> Drawn<()> {
        Drawn::keyless("tin", ())
    }

    async fn call(&self, engine: &Engine, (): &(), _: &IdempotencyKey) -> Result<u64, Error> {
        let decides = self.decides;
        let put = move |family: &Family, now| {
            let coins = coins(family)? + 1;
            decides(coins);
            let mut edits = Edits::new();
            edits.put_root(Tin { coins });
            edits.send(&coins.to_string(), now, &Clink { coin: coins });
            Ok::<_, Error>(edits.answer(coins))
        };
        let coins = engine.run(tin(), put).await?.answer;
        if coins == 10 {
            (self.at_ten)()?;
        }
        Ok(coins)
    }

    async fn observe(&self, engine: &Engine, _: &str) -> Result<Coins, Error> {
        Ok(Coins(coins(&engine.read(tin()).await?)?))
    }

    fn inspect(&self, family: &Family) -> Result<(), Violation> {
        let coins = coins(family)?;
        (self.looks_in)(coins);
        if coins > self.holds_at_most {
            return Err(Violation::new("the tin is too full"));
        }
        Ok(())
    }

    async fn audit(&self, _: &Engine, _: &History<(), u64>) -> Result<(), Violation> {
        Ok(())
    }
}

#[track_caller]
fn violation(tins: Tins) -> String {
    let failure = tins
        .simulation()
        .check(0..20)
        .expect_err("something is wrong");
    failure.violation().to_string()
}

#[test]
fn a_right_tin_is_right() {
    let report = Tins::RIGHT.simulation().check(0..20);
    assert_eq!(report.expect("nothing is wrong").commands, 400);
}

#[test]
fn a_failure_comes_again_alike_and_says_how() {
    let tins = Tins {
        holds_at_most: 12,
        ..Tins::RIGHT
    };
    let simulation = tins.simulation();
    let failure = simulation.check(0..20).expect_err("is too full");
    assert_eq!(
        failure.violation().to_string(),
        "test/tin/1: the tin is too full"
    );
    let again = simulation
        .run(failure.seed())
        .expect_err("is too full again");
    assert_eq!(again.trace(), failure.trace());
    let text = failure.to_string();
    for part in ["seed 0: test/tin/1", "commits test/tin/1", "MP_SIM_SEED=0"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        format!("{failure:#}").contains("begins with Mix"),
        "the whole trace"
    );
}

#[test]
fn the_lowest_seed_that_fails_is_reported() {
    let full = Tins {
        holds_at_most: 12,
        ..Tins::RIGHT
    };
    let some = move |chance: &mut Chance| {
        if chance.percent(20) {
            full
        } else {
            Tins::RIGHT
        }
    };
    let simulation = Simulation::of(some).with_commands(20);
    let lowest = (0..50).find(|seed| simulation.run(*seed).is_err());
    let failure = simulation.check(0..50).expect_err("some are too full");
    assert_eq!(Some(failure.seed()), lowest);
    assert!(failure.seed() > 0, "the first is right");
}

#[test]
fn an_answer_that_the_model_does_not_give_is_found() {
    let refuse = || Err(Error::invalid("coin", "is a button"));
    let violation = violation(Tins {
        at_ten: refuse,
        ..Tins::RIGHT
    });
    assert!(
        violation.contains("told Err(\"invalid_field\")"),
        "{violation}"
    );
}

#[test]
fn a_panic_is_a_failure_of_its_seed() {
    let violation = violation(Tins {
        at_ten: || panic!("ten is too many"),
        ..Tins::RIGHT
    });
    assert!(violation.contains("ten is too many"), "{violation}");
}

#[test]
fn a_panic_in_a_decision_is_a_failure_although_the_engine_survives_it() {
    let violation = violation(Tins {
        decides: |coin| assert_ne!(coin, 10, "ten is too many to take"),
        ..Tins::RIGHT
    });
    assert!(violation.contains("ten is too many to take"), "{violation}");
}

#[test]
fn a_panic_in_a_handler_is_a_failure_although_the_work_is_done_later() {
    let violation = violation(Tins {
        hears: |coin, attempts| assert!(coin != 10 || attempts > 1, "ten is too loud at first"),
        ..Tins::RIGHT
    });
    let found = violation.contains("ten is too loud at first");
    assert!(found, "{violation}");
}

#[test]
fn a_panic_of_who_inspects_is_a_failure_and_says_where() {
    let tins = Tins {
        looks_in: |coins| assert_ne!(coins, 10, "ten is too many to see"),
        ..Tins::RIGHT
    };
    let failure = tins.simulation().run(3).expect_err("somebody panics");
    let violation = failure.violation().to_string();
    for part in ["ten is too many to see", file!()] {
        assert!(violation.contains(part), "{violation}");
    }
    let mut lines = failure.trace().lines().iter();
    assert!(lines.any(|line| line.contains("ten is too many to see")));
    let after = Tins::RIGHT.simulation().run(3);
    after.expect("a panic is told to its own run");
}

#[test]
fn work_that_was_given_up_is_found() {
    let give_up = || Err(HandlerError::GiveUp(Error::invalid("clink", "is too loud")));
    let violation = violation(Tins {
        handles: give_up,
        ..Tins::RIGHT
    });
    assert!(violation.contains("clink is too loud"), "{violation}");
}

#[test]
fn work_that_never_ends_is_found() {
    let retry = || Err(HandlerError::Retry(Error::invalid("clink", "is too loud")));
    let violation = violation(Tins {
        handles: retry,
        ..Tins::RIGHT
    });
    assert!(violation.contains("clink is too loud"), "{violation}");
}

#[test]
fn what_depends_on_more_than_the_seed_is_told() {
    static WAS_HERE: AtomicBool = AtomicBool::new(false);
    let once = || match WAS_HERE.swap(true, Ordering::SeqCst) {
        false => Err(Error::invalid("coin", "is a button")),
        true => Ok(()),
    };
    let violation = violation(Tins {
        at_ten: once,
        ..Tins::RIGHT
    });
    assert!(
        violation.contains("depends on more than the seed"),
        "{violation}"
    );
}

#[test]
fn one_seed_can_be_chosen_from_outside() {
    let name = "failures::one_seed_can_be_chosen_from_outside";
    if let Ok(seed) = env::var(SEED_VARIABLE) {
        let seed: u64 = seed.parse().expect("a number");
        assert_eq!(seeds_or_replay(0..10), seed..seed + 1);
        return;
    }
    assert_eq!(seeds_or_replay(0..10), 0..10);
    let program = env::current_exe().expect("this program");
    let mut alone = Program::new(program);
    alone.args([name, "--exact"]).env(SEED_VARIABLE, "17");
    let output = alone.output().expect("runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
