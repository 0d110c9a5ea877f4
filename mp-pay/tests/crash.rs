//! Every crash and every lost answer of a payment's life, enumerated: each store write and each
//! call to the backend, in every class of backend, and a second crash during the recovery.

mod support;

use mp_core::ErrorKind;
use mp_pay::{
    IntentId, PayError,
    backend::Capabilities,
    payments::{CaptureIntent, ConfirmIntent, CreateIntent, RefundIntent},
};

use self::support::{
    CLASSES, eur,
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

/// Lives a payment's life as a client does that asks again after a lost answer.
async fn live(process: &Process) -> Result<IntentId, PayError> {
    let (payments, staff) = (&process.world.payments, staff());
    let create = CreateIntent::of(eur(100))
        .with_payment_method(method("pm_ok"))
        .with_manual_capture();
    let intent = again!(payments.create_intent(&mei(), create.clone(), &idem("create")))?;
    let confirm = ConfirmIntent::of(intent.id);
    again!(payments.confirm(&mei(), confirm.clone(), &idem("confirm")))?;
    let capture = CaptureIntent::of(intent.id).with_amount(eur(80));
    again!(payments.capture(&staff, capture.clone(), &idem("capture")))?;
    let refund = RefundIntent::of(intent.id).with_amount(eur(30));
    again!(payments.refund(&staff, refund.clone(), &idem("refund")))?;
    Ok(intent.id)
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
async fn run(can: Capabilities, first: Strike, second: Strike) -> (u32, u32) {
    run_in(Outside::new(can), first, second).await
}

async fn run_in(outside: Outside, first: Strike, second: Strike) -> (u32, u32) {
    let can = outside.declared;
    let case = format!("{can:?} {first:?} then {second:?}");
    let process = outside.start(first);
    let _ = live(&process).await;
    let struck = outside.start(second);
    struck.recover().await;
    let last = outside.start(UNHARMED);
    last.recover().await;
    audit(&last, can, &case).await;
    // The client asks once more for everything, under the same keys.
    let lived = live(&last).await;
    if resolvable(can) {
        let id = lived.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(last.world.moved().await, [80, -30], "{case}");
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

#[tokio::test(start_paused = true)]
async fn any_crash_leaves_at_most_one_movement_and_a_known_or_listed_outcome() {
    let mut cases = 0;
    for can in CLASSES {
        let (writes, calls) = run(can, UNHARMED, UNHARMED).await;
        assert_eq!(
            (writes, calls),
            (10, 3),
            "one write too many, or a call too few"
        );
        // What a lost answer costs in further writes lies beyond the unharmed life.
        for strike in strikes(writes + 4, calls + 1, &FAULTS) {
            run(can, strike, UNHARMED).await;
            cases += 1;
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
                run(can, first, second).await;
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
    run_in(outside, strike, UNHARMED).await;
}
