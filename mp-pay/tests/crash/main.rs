//! Every crash and every lost answer of a payment's life, enumerated: each store write and each
//! call to the backend, in every class of backend, and a second crash during the recovery.

mod life;
#[path = "../support/mod.rs"]
mod support;

use mp_pay::{
    IntentId,
    backend::{Capabilities, Queries},
    journal::{Event, Source},
};

use self::{
    life::{LIVES, Life, live},
    support::{
        CLASSES,
        faulty::{FAULTS, Fault},
        process::{Outside, Process, Strike, UNHARMED, audit, resolvable, strikes},
        staff,
        webhooks::Webhooks,
    },
};

/// Checks that the books of the provider and the intent agree.
async fn reconcile(process: &Process, id: IntentId, case: &str) {
    let intent = process.world.intent(id).await;
    let taken: i64 = process.world.moved().await.iter().sum();
    let kept = intent.amount_received.minor() - intent.amount_refunded.minor();
    assert_eq!(taken, kept, "{case}: {intent:?}");
    assert!(intent.amount_reserved_for_refund.is_zero(), "{case}");
    assert_eq!(intent.amount_disputed, None, "{case}");
    assert_eq!(intent.conflict, None, "{case}");
}

/// How many writes and calls a process has made that was to be struck.
#[derive(Clone, Copy)]
struct Made {
    writes: u32,
    calls: u32,
}

impl Made {
    fn by(process: &Process) -> Self {
        Self {
            writes: process.store.doom.calls(),
            calls: process.backend.doom.calls(),
        }
    }

    /// Returns whether a process that has made so many was struck at this place.
    fn reached(self, strike: Strike) -> bool {
        self.writes >= strike.write && self.calls >= strike.call
    }
}

/// Lives, is struck, is struck again while recovering, recovers, and lives on; returns what the first
/// process has made, and what the second.
async fn run(can: Capabilities, life: Life, first: Strike, second: Strike) -> [Made; 2] {
    run_in(life.outside(can), life, first, second).await
}

async fn run_in(outside: Outside, life: Life, first: Strike, second: Strike) -> [Made; 2] {
    let can = outside.declared;
    let case = format!("{life:?} {} {first:?} then {second:?}", class(can));
    let process = outside.start(first);
    let _ = live(&process, life).await;
    let struck = outside.start(second);
    struck.recover().await;
    let last = outside.start(UNHARMED);
    last.recover().await;
    audit(&last, can, &case).await;
    // The client asks once more for everything, under the same keys.
    let lived = live(&last, life).await;
    if resolvable(can) {
        let id = lived.unwrap_or_else(|error| panic!("{case}: {error}"));
        last.recover().await;
        let moved = last.world.moved().await;
        let unharmed = first.write + first.call + second.write + second.call == 0;
        assert!(life.moves(moved.clone(), unharmed), "{case}: {moved:?}");
        reconcile(&last, id, &case).await;
    } else {
        last.recover().await;
        audit(&last, can, &case).await;
        if let Ok(id) = lived {
            reconcile(&last, id, &case).await;
        }
    }
    [Made::by(&process), Made::by(&struck)]
}

fn class(can: Capabilities) -> &'static str {
    match (can.replays_keys, can.queries) {
        (Some(_), Queries::ByReference) => "replays, answers by its names",
        (Some(_), _) => "replays",
        (None, Queries::None) => "neither",
        (None, _) => "answers",
    }
}

/// Strikes each life once at every place, and returns how often it was struck.
async fn single_faults(lives: &[Life], outside: impl Fn(Life, Capabilities) -> Outside) -> u32 {
    let mut cases = 0;
    for life in lives {
        for can in CLASSES {
            let run = |strike| run_in(outside(*life, can), *life, strike, UNHARMED);
            let [unharmed, _] = run(UNHARMED).await;
            let Made { writes, calls } = unharmed;
            if *life == Life::Refunded {
                assert_eq!(
                    (writes, calls),
                    (7, 3),
                    "a write too many, or a call too few"
                );
            }
            // What a lost answer costs in further writes lies beyond the unharmed life.
            let late = [Fault::HangsAfter];
            let further = strikes(0, calls + 2, &late);
            for strike in strikes(writes + 4, calls + 2, &FAULTS)
                .into_iter()
                .chain(further)
            {
                let [made, _] = run(strike).await;
                assert!(
                    made.reached(strike) || strike.write > writes || strike.call > calls,
                    "{life:?} {}: {strike:?} was never met",
                    class(can)
                );
                cases += u32::from(made.reached(strike));
            }
        }
    }
    cases
}

#[tokio::test(start_paused = true)]
async fn any_crash_leaves_at_most_one_movement_and_a_known_or_listed_outcome() {
    let cases = single_faults(&LIVES, Life::outside).await;
    println!("{cases} single faults of what the host asks for");
    assert!(cases > 1_200, "{cases}");
}

#[tokio::test(start_paused = true)]
async fn any_crash_while_a_backend_tells_things_late_or_otherwise_leaves_the_same() {
    let cases = single_faults(&life::TOLD, Life::outside).await;
    println!("{cases} single faults of what the backend tells");
    assert!(cases > 1_200, "{cases}");
}

#[tokio::test(start_paused = true)]
async fn any_crash_while_each_answer_is_overtaken_by_a_webhook_leaves_the_same() {
    let told_first = |life: Life, can| {
        let mut outside = life.outside(can);
        outside.webhooks = Webhooks::first(1);
        outside
    };
    let cases = single_faults(&life::OVERTAKEN, told_first).await;
    println!("{cases} single faults while webhooks come first");
    assert!(cases > 600, "{cases}");
}

#[tokio::test(start_paused = true)]
async fn each_life_that_turns_on_what_the_backend_tells_does_so() {
    for life in life::TOLD {
        let process = life.outside(CLASSES[1]).start(UNHARMED);
        let id = live(&process, life).await.expect("lives");
        process.recover().await;
        let journal = process.world.payments.journal(&staff(), id).await;
        let journal = journal.expect("reads");
        let count = |turn: fn(&Event) -> bool| {
            let turns = journal.iter().filter(|entry| turn(&entry.event));
            turns.count()
        };
        let (turn, times): (fn(&Event) -> bool, usize) = match life {
            Life::Conflicted | Life::RefundConflicted => {
                (|event| is_from(event, Source::Person), 1)
            }
            Life::LateAccepted => (|event| matches!(event, Event::LateAccepted { .. }), 1),
            Life::LateReturned => (|event| matches!(event, Event::ReturnAsked { .. }), 1),
            // What was told before, or is overtaken, is no news.
            Life::Disputed => (|event| matches!(event, Event::DisputeTold { .. }), 3),
            Life::ToldTwice | Life::ToldLate => (|event| is_from(event, Source::Notice), 6),
            _ => (|event| is_from(event, Source::Notice), 3),
        };
        assert_eq!(count(turn), times, "{life:?}: {journal:?}");
    }
}

fn is_from(event: &Event, from: Source) -> bool {
    matches!(event, Event::Observed { source, .. } if *source == from)
}

/// Strikes a life at every place of it and again at every place of its recovery.
async fn double_faults(life: Life) {
    let mut cases = 0;
    let dies = [Fault::DiesBefore, Fault::DiesAfter];
    for can in CLASSES {
        let [Made { writes, calls }, _] = run(can, life, UNHARMED, UNHARMED).await;
        for first in strikes(writes, calls, &dies) {
            let [_, Made { writes, calls }] = run(can, life, first, UNHARMED).await;
            for second in strikes(writes, calls, &FAULTS) {
                let [one, two] = run(can, life, first, second).await;
                let case = format!("{life:?} {}: {first:?} then {second:?}", class(can));
                assert!(
                    one.reached(first) && two.reached(second),
                    "{case} was never met"
                );
                cases += 1;
            }
        }
    }
    println!("{cases} double faults of {life:?}");
    assert!(cases > 300, "{cases}");
}

#[tokio::test(start_paused = true)]
async fn a_second_crash_during_the_recovery_changes_nothing_of_that() {
    double_faults(Life::Refunded).await;
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_where_refunds_are_accepted_first() {
    double_faults(Life::RefundedLater).await;
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_between_captures_and_refunds_of_parts() {
    double_faults(Life::PartRefunded).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "moved [-30, -30]")]
async fn a_provider_that_declares_more_than_it_can_do_is_found_out_by_this_test() {
    let outside = Outside {
        declared: CLASSES[0],
        ..Outside::new(Capabilities::neither())
    };
    let strike = Strike {
        write: 0,
        call: 3,
        fault: Fault::LostAfter,
    };
    run_in(outside, Life::Refunded, strike, UNHARMED).await;
}
