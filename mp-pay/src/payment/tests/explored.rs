//! Every state that a payment can come to within a few steps, whatever is asked, sent and learnt.

use std::collections::HashSet;

use super::*;

/// How many things happen one after the other.
const STEPS: usize = 5;

/// What can be asked, with amounts that fit together and that do not.
fn asked() -> Vec<Try> {
    vec![
        Try::Confirm { capture: true },
        Try::Confirm { capture: false },
        Try::Capture {
            amount: 60,
            last: false,
        },
        Try::Capture {
            amount: AMOUNT,
            last: true,
        },
        Try::Cancel,
        Try::Refund { id: 1, amount: 60 },
        Try::Refund {
            id: 2,
            amount: AMOUNT,
        },
        Try::Release,
        Try::Expire,
        Try::Lapse,
    ]
}

/// What can happen to an operation: it is sent, was not sent, and what the backend says.
fn learnt(which: usize) -> impl Iterator<Item = Try> {
    let said = (0..7).map(move |what| Try::Observe(which, what));
    [Try::Send(which), Try::TakeBack(which)]
        .into_iter()
        .chain(said)
}

fn all_tries(payment: &Payment) -> Vec<Try> {
    let operations = payment.operations().count();
    asked()
        .into_iter()
        .chain((0..operations).flat_map(learnt))
        .collect()
}

/// Returns the states one step from this one, each checked against it.
fn after(payment: &Payment, late: LateSuccess) -> Vec<Payment> {
    let now = Timestamp::MIN;
    let step = |tried: Try| {
        let event = payment.event(&tried)?;
        let mut stepwise = payment.clone();
        let mut next = payment.clone();
        for event in next.follow(&event, late, now)? {
            let was = stepwise.intent.status;
            stepwise.apply(&event, now).expect("as before");
            let is = stepwise.intent.status;
            assert!(Payment::is_legal(was, is), "{event:?}: {was} to {is}");
        }
        next.check(payment);
        Some(next)
    };
    all_tries(payment).into_iter().filter_map(step).collect()
}

fn name(payment: &Payment) -> String {
    serde_json::to_string(payment).expect("is written")
}

/// Returns how many states there are within so many steps.
fn explore(settlement: bool, late: LateSuccess) -> usize {
    let first = Payment::create(&created(settlement), Timestamp::MIN);
    let mut seen = HashSet::from([name(&first)]);
    let mut latest = vec![first];
    for _ in 0..STEPS {
        let next = latest.iter().flat_map(|payment| after(payment, late));
        latest = next.filter(|payment| seen.insert(name(payment))).collect();
    }
    seen.len()
}

#[test]
fn every_state_within_a_few_steps_keeps_what_is_promised() {
    let alone = explore(false, LateSuccess::Return);
    let accepting = explore(false, LateSuccess::Accept);
    let settling = explore(true, LateSuccess::Return);
    println!("{alone}, {accepting} and {settling} states within {STEPS} steps");
    assert!(alone.min(accepting).min(settling) > 1_000);
}
