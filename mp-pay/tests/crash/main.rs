//! Every crash and every lost answer of a payment's life, enumerated: each store write and each
//! call to the backend, in every class of backend, and a second crash during the recovery.

mod support;

use std::time::Duration;

use mp_core::ErrorKind;
use mp_pay::{
    IntentId, PayError,
    backend::{Capabilities, Lookup, Outcome, PaymentBackend, sandbox::Behaviour},
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{
        CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, IncreaseIntent, Notice,
        RefundIntent,
    },
    refund::RefundId,
};

use self::support::{
    CLASSES, app, eur,
    faulty::{FAULTS, Fault},
    idem, mei, method,
    process::{Outside, Process, Strike, UNHARMED, audit, resolvable, strikes},
    staff,
};

/// Asks up to three times while the outcome is not known.
macro_rules! again {
    ($call:expr) => {{
        let mut answer = $call.await;
        for _ in 0..2 {
            match &answer {
                Err(error) if is_unknown(error) => answer = $call.await,
                _ => break,
            }
        }
        answer
    }};
}

/// How long a hold stands: less than an idempotency key is remembered.
const HOLD: Duration = Duration::from_secs(60 * 60);

/// What a payment goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    /// Held, captured in part, refunded in part.
    Refunded,
    /// Held, raised, captured twice, refunded in part.
    Raised,
    /// Held, captured in part, and the rest canceled.
    Closed,
    /// Charged, and refunded by a backend that accepts refunds first.
    RefundedLater,
    /// Charged, and refunded by a backend at which the refund fails later.
    RefundFails,
    /// Held, and never captured.
    Lapsed,
    /// Charged, canceled while it waits for its payer, who acts all the same.
    GivenUp,
}

const LIVES: [Life; 7] = [
    Life::Refunded,
    Life::Raised,
    Life::Closed,
    Life::RefundedLater,
    Life::RefundFails,
    Life::Lapsed,
    Life::GivenUp,
];

impl Life {
    /// Returns whether this may be what the provider's books show in the end.
    fn moves(self, moved: &[i64]) -> bool {
        let expected: &[i64] = match self {
            // It comes in time for nobody to have given it up, or is given back.
            Self::GivenUp => return matches!(moved, [] | [100] | [100, -100]),
            Self::Lapsed => &[],
            Self::Refunded => &[80, -30],
            Self::Raised => &[60, 70, -30],
            Self::Closed => &[30],
            Self::RefundedLater => &[100, -30],
            Self::RefundFails => &[100, -30, 30],
        };
        moved == expected
    }

    const fn is_held(self) -> bool {
        matches!(
            self,
            Self::Refunded | Self::Raised | Self::Closed | Self::Lapsed
        )
    }

    fn refunds(self) -> Behaviour {
        match self {
            Self::RefundedLater => Behaviour::Delay(Duration::from_secs(60)),
            Self::RefundFails => Behaviour::FailLater(Duration::from_secs(60)),
            _ => Behaviour::Succeed,
        }
    }
}

/// Lives a payment's life as a client does that asks again after a lost answer.
async fn live(process: &Process, life: Life) -> Result<IntentId, PayError> {
    let (payments, staff) = (&process.world.payments, staff());
    let token = if life == Life::GivenUp {
        "pm_action"
    } else {
        "pm_ok"
    };
    let mut create = CreateIntent::of(eur(100)).with_payment_method(method(token));
    if life.is_held() {
        create = create.with_manual_capture();
    }
    let intent = again!(payments.create_intent(&mei(), create.clone(), &idem("create")))?;
    let confirm = ConfirmIntent::of(intent.id);
    again!(payments.confirm(&mei(), confirm.clone(), &idem("confirm")))?;
    let capture = |cents| CaptureIntent::of(intent.id).with_amount(eur(cents));
    if life == Life::Raised {
        let increase = IncreaseIntent::to(intent.id, eur(150));
        again!(payments.increase(&staff, increase.clone(), &idem("increase")))?;
    }
    if let Some(first) = match life {
        Life::Raised => Some(capture(60).with_more_to_come()),
        Life::Closed => Some(capture(30).with_more_to_come()),
        _ => None,
    } {
        again!(payments.capture(&staff, first.clone(), &idem("first")))?;
    }
    match life {
        Life::Lapsed => {
            process.world.clock.advance(HOLD);
            return Ok(intent.id);
        }
        Life::Closed | Life::GivenUp => {
            let cancel = CancelIntent::of(intent.id);
            let canceled = again!(payments.cancel(&staff, cancel.clone(), &idem("cancel")));
            return match canceled {
                // The payer was faster.
                Err(PayError::UnexpectedState {
                    status: IntentStatus::Succeeded,
                    ..
                }) if life == Life::GivenUp => Ok(intent.id),
                answer => answer.map(|intent| intent.id),
            };
        }
        Life::Refunded | Life::Raised => {
            let last = capture(if life == Life::Raised { 70 } else { 80 });
            again!(payments.capture(&staff, last.clone(), &idem("capture")))?;
        }
        Life::RefundedLater | Life::RefundFails => {}
    }
    let refund = RefundIntent::of(intent.id).with_amount(eur(30));
    let refund = again!(payments.refund(&staff, refund.clone(), &idem("refund")))?;
    if life == Life::RefundFails {
        fail(process, refund.id, intent.id).await?;
    }
    Ok(intent.id)
}

/// Lets what was given back come back, and has the provider tell of it.
async fn fail(process: &Process, refund: RefundId, intent: IntentId) -> Result<(), PayError> {
    let world = &process.world;
    world.clock.advance(Duration::from_secs(61));
    let step = Step::Refund(refund);
    let operation = OperationKey { intent, step };
    let queries = Capabilities::neither().with_queries();
    let books = world.sandbox.clone().with_capabilities(queries);
    let found = books.lookup(&app(), &operation).await.expect("looks");
    if let Lookup::Found(outcome @ Outcome::Declined { .. }) = found {
        let notice = Notice { operation, outcome };
        again!(world.payments.observe(&staff(), notice.clone()))?;
    }
    Ok(())
}

fn is_unknown(error: &PayError) -> bool {
    mp_core::Error::from(error.clone()).kind() == ErrorKind::Unknown
}

/// Checks that the books of the provider and the intent agree.
async fn reconcile(process: &Process, id: IntentId, case: &str) {
    let intent = process.world.intent(id).await;
    let taken: i64 = process.world.moved().await.iter().sum();
    let kept = intent.amount_received.minor() - intent.amount_refunded.minor();
    assert_eq!(taken, kept, "{case}: {intent:?}");
    assert!(intent.amount_reserved_for_refund.is_zero(), "{case}");
}

/// Lives, is struck, is struck again while recovering, recovers, and lives on.
async fn run(can: Capabilities, life: Life, first: Strike, second: Strike) -> (u32, u32) {
    let mut outside = Outside::new(can.with_hold_life(Some(HOLD)));
    outside.sandbox = outside.sandbox.with_refunds(life.refunds());
    run_in(outside, life, first, second).await
}

async fn run_in(outside: Outside, life: Life, first: Strike, second: Strike) -> (u32, u32) {
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
        assert!(life.moves(&moved), "{case}: {moved:?}");
        reconcile(&last, id, &case).await;
    } else {
        last.recover().await;
        audit(&last, can, &case).await;
        if let Ok(id) = lived {
            reconcile(&last, id, &case).await;
        }
    }
    let calls = (process.store.doom.calls(), process.backend.doom.calls());
    if second.write + second.call > 0 {
        return (struck.store.doom.calls(), struck.backend.doom.calls());
    }
    calls
}

fn class(can: Capabilities) -> &'static str {
    match (can.replays_keys, can.answers_queries) {
        (Some(_), _) => "replays",
        (None, true) => "answers",
        (None, false) => "neither",
    }
}

#[tokio::test(start_paused = true)]
async fn any_crash_leaves_at_most_one_movement_and_a_known_or_listed_outcome() {
    let mut cases = 0;
    for life in LIVES {
        for can in CLASSES {
            let (writes, calls) = run(can, life, UNHARMED, UNHARMED).await;
            if life == Life::Refunded {
                let unharmed = (10, 3);
                assert_eq!(
                    (writes, calls),
                    unharmed,
                    "one write too many, or a call too few"
                );
            }
            // What a lost answer costs in further writes lies beyond the unharmed life.
            for strike in strikes(writes + 4, calls + 1, &FAULTS) {
                run(can, life, strike, UNHARMED).await;
                cases += 1;
            }
        }
    }
    println!("{cases} single faults");
}

#[tokio::test(start_paused = true)]
async fn a_second_crash_during_the_recovery_changes_nothing_of_that() {
    let mut cases = 0;
    let dies = [Fault::DiesBefore, Fault::DiesAfter];
    for can in CLASSES {
        for first in strikes(10, 3, &dies) {
            for second in strikes(5, 2, &FAULTS) {
                run(can, Life::Refunded, first, second).await;
                cases += 1;
            }
        }
    }
    println!("{cases} double faults");
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
