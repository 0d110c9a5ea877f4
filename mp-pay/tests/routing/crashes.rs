//! Every crash and every lost answer of a payment that may go on at another backend, enumerated:
//! each store write and each call to either backend, in every class of both.

use std::collections::BTreeSet;

use mp_core::ErrorKind;
use mp_pay::{
    IntentId, PayError,
    attempt::Attempt,
    backend::{Capabilities, sandbox::Behaviour},
    journal::replay,
    operation::OperationKey,
    payments::{CaptureIntent, ConfirmIntent, CreateIntent, Notice, RefundIntent},
};

use super::{
    processing_error,
    support::{
        CLASSES, eur,
        faulty::{FAULTS, Fault},
        fleet::Fleet,
        idem, mei, method,
        process::{Process, Strike, UNHARMED, found_in, resolvable, strikes},
        staff,
    },
};

/// What the first backend does with the charge, and what becomes of the payment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    /// It declines, and the rules try elsewhere.
    Declined,
    /// It is out of reach.
    Unavailable,
    /// It loses the call.
    LostBefore,
    /// It loses its answer.
    LostAfter,
    /// It loses the call, and declines when it is called again.
    LostThenDeclined,
    /// It declines a hold, which is captured and refunded in part where it is.
    HeldElsewhere,
    /// Both decline.
    DeclinedByBoth,
}

const LIVES: [Life; 7] = [
    Life::Declined,
    Life::Unavailable,
    Life::LostBefore,
    Life::LostAfter,
    Life::LostThenDeclined,
    Life::HeldElsewhere,
    Life::DeclinedByBoth,
];

impl Life {
    fn fleet(self, acme: Capabilities, birch: Capabilities) -> Fleet {
        let fleet = Fleet::new(acme, birch);
        let script: &[Behaviour] = match self {
            Self::Declined | Self::HeldElsewhere | Self::DeclinedByBoth => &[processing_error()],
            Self::Unavailable => &[Behaviour::Unavailable],
            Self::LostBefore => &[Behaviour::TimeoutBefore],
            Self::LostAfter => &[Behaviour::TimeoutAfter],
            Self::LostThenDeclined => &[Behaviour::TimeoutBefore, processing_error()],
        };
        for behaviour in script {
            fleet.acme.script(behaviour.clone());
        }
        if self == Self::DeclinedByBoth {
            fleet.birch.script(processing_error());
        }
        fleet
    }

    /// Returns what has been taken in the end, and what was given back of it.
    const fn moves(self) -> [i64; 2] {
        match self {
            Self::HeldElsewhere => [80, 30],
            Self::DeclinedByBoth => [0, 0],
            _ => [100, 0],
        }
    }
}

/// Calls up to three times while the outcome is not known.
async fn again<T, F>(call: impl Fn() -> F) -> Result<T, PayError>
where
    F: Future<Output = Result<T, PayError>>,
{
    let is_unknown =
        |error: &PayError| mp_core::Error::from(error.clone()).kind() == ErrorKind::Unknown;
    let mut answer = call().await;
    for _ in 0..2 {
        match &answer {
            Err(error) if is_unknown(error) => answer = call().await,
            _ => break,
        }
    }
    answer
}

/// Lives a payment's life as a client does that asks again after a lost answer.
async fn live(process: &Process, life: Life) -> Result<IntentId, PayError> {
    let payments = &process.world.payments;
    let held = life == Life::HeldElsewhere;
    let order = || {
        let order = CreateIntent::of(eur(100)).with_payment_method(method("pm_ok"));
        if held {
            order.with_manual_capture()
        } else {
            order
        }
    };
    let (caller, staff) = (mei(), staff());
    let [create, confirm, take, back] = ["create", "confirm", "take", "back"].map(idem);
    let id = again(|| payments.create_intent(&caller, order(), &create))
        .await?
        .id;
    again(|| payments.confirm(&caller, ConfirmIntent::of(id), &confirm)).await?;
    if held {
        let capture = || CaptureIntent::of(id).with_amount(eur(80));
        again(|| payments.capture(&staff, capture(), &take)).await?;
        let refund = || RefundIntent::of(id).with_amount(eur(30));
        again(|| payments.refund(&staff, refund(), &back)).await?;
    }
    Ok(id)
}

/// Checks what must hold after any crash once the worker has done its work, and has a person see to
/// what waits for one.
async fn audit(fleet: &Fleet, process: &Process, case: &str) {
    at_most_what_was_intended(fleet, case).await;
    let payments = &process.world.payments;
    // What a person finds never to have come goes on elsewhere, and may come before them again.
    for look in 0..3 {
        let listed = payments
            .unresolved(&staff(), None, 100)
            .await
            .expect("lists");
        let dead = process.world.store.dead(None, 100).await.expect("lists");
        assert_eq!(dead.len(), listed.len(), "{case}");
        for waiting in listed {
            let operation = waiting.operation;
            let books = fleet.provider(waiting.backend.as_ref());
            let outcome = found_in(books, operation).await;
            let notice = Notice { operation, outcome };
            let key = idem(&format!("resolve-{look}-{operation}"));
            let resolved = payments.resolve(&staff(), notice, &key).await;
            resolved.unwrap_or_else(|error| panic!("{case}: {error}"));
        }
        process.recover().await;
    }
    assert_eq!(process.world.unresolved().await, 0, "{case}");
    at_most_what_was_intended(fleet, case).await;
}

/// Of one intent no more is taken over all backends than was asked for, by no operation twice.
async fn at_most_what_was_intended(fleet: &Fleet, case: &str) {
    let movements = fleet.movements().await;
    let operations: BTreeSet<OperationKey> = movements.iter().map(|it| it.operation).collect();
    assert_eq!(operations.len(), movements.len(), "{case}: {movements:?}");
    let taken: i64 = movements.iter().map(|it| it.amount.minor().max(0)).sum();
    assert!(taken <= 100, "{case}: took {taken}: {movements:?}");
}

/// The intent says what the books of both say, and at no entry of its journal two attempts were
/// open.
async fn reconcile(fleet: &Fleet, process: &Process, id: IntentId, case: &str) {
    let intent = process.world.intent(id).await;
    let kept: i64 = fleet
        .movements()
        .await
        .iter()
        .map(|it| it.amount.minor())
        .sum();
    let told = intent.amount_received.minor() - intent.amount_refunded.minor();
    assert_eq!(kept, told, "{case}: {intent:?}");
    let journal = process
        .world
        .payments
        .journal(&staff(), id)
        .await
        .expect("reads");
    for entries in 1..=journal.len() {
        let replayed = replay(&journal[..entries]).expect("replays");
        let open = |attempt: &&Attempt| !attempt.charge.stage.is_known() && !attempt.abandoned;
        let open = replayed.attempts.iter().filter(open).count();
        assert!(open <= 1, "{case}: {:?}", replayed.attempts);
    }
}

async fn run(life: Life, classes: [Capabilities; 2], first: Strike, second: Strike) -> (u32, u32) {
    let [acme, birch] = classes;
    let fleet = life.fleet(acme, birch);
    let can = |can: Capabilities| (can.replays_keys.is_some(), can.queries);
    let case = format!(
        "{life:?} {:?} {:?} {first:?} then {second:?}",
        can(acme),
        can(birch)
    );
    let process = fleet.start(first);
    let _ = live(&process, life).await;
    let struck = fleet.start(second);
    struck.recover().await;
    let last = fleet.start(UNHARMED);
    last.recover().await;
    audit(&fleet, &last, &case).await;
    // The client asks once more for everything, under the same keys.
    let lived = live(&last, life).await;
    last.recover().await;
    audit(&fleet, &last, &case).await;
    if resolvable(acme) && resolvable(birch) {
        let id = lived.unwrap_or_else(|error| panic!("{case}: {error}"));
        let movements = fleet.movements().await;
        let sum = |sign: i64| {
            movements
                .iter()
                .map(|it| (sign * it.amount.minor()).max(0))
                .sum::<i64>()
        };
        assert_eq!([sum(1), sum(-1)], life.moves(), "{case}: {movements:?}");
        reconcile(&fleet, &last, id, &case).await;
    } else if let Ok(id) = lived {
        reconcile(&fleet, &last, id, &case).await;
    }
    let counted = if second.write + second.call > 0 {
        struck
    } else {
        process
    };
    (counted.store.doom.calls(), counted.backend.doom.calls())
}

/// Each class before one that answers queries, and each other after it.
fn pairs() -> impl Iterator<Item = [Capabilities; 2]> {
    let [replays, answers, neither, names] = CLASSES;
    let first = CLASSES.map(|acme| [acme, answers]);
    let second = [replays, neither, names].map(|birch| [answers, birch]);
    first.into_iter().chain(second)
}

#[tokio::test(start_paused = true)]
async fn no_crash_between_two_backends_takes_more_than_was_intended() {
    let mut cases = 0;
    for life in LIVES {
        for classes in pairs() {
            let (writes, calls) = run(life, classes, UNHARMED, UNHARMED).await;
            if life == Life::Declined {
                let unharmed = (5, 2);
                assert_eq!(
                    (writes, calls),
                    unharmed,
                    "one write too many, or a call too few"
                );
            }
            for strike in strikes(writes + 4, calls + 2, &FAULTS) {
                run(life, classes, strike, UNHARMED).await;
                cases += 1;
            }
        }
    }
    println!("{cases} single faults over two backends");
    assert!(cases > 1_500, "{cases}");
}

#[tokio::test(start_paused = true)]
async fn nor_does_a_second_crash_during_the_recovery() {
    let mut cases = 0;
    let dies = [Fault::DiesBefore, Fault::DiesAfter];
    for life in [Life::Declined, Life::LostThenDeclined] {
        for classes in [[CLASSES[0], CLASSES[1]], [CLASSES[2], CLASSES[1]]] {
            let (writes, calls) = run(life, classes, UNHARMED, UNHARMED).await;
            for first in strikes(writes, calls, &dies) {
                for second in strikes(6, 3, &FAULTS) {
                    run(life, classes, first, second).await;
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} double faults over two backends");
    assert!(cases > 1_000, "{cases}");
}

/// A negative control: a first backend that declines for good and takes the money all the same.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "took 200")]
async fn a_backend_that_takes_what_it_has_declined_is_found_out_by_this_test() {
    let fleet = Fleet::new(CLASSES[1], CLASSES[1]);
    fleet.with_a_liar().pay("pm_ok", false).await;
    at_most_what_was_intended(&fleet, "a liar").await;
}
