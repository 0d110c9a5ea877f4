//! The root of a payment fits into a store, however much was tried.

use mp_core::{amount::JSON_INTEGER_MAX, document, store::Limits};

use super::*;
use crate::{
    attempt::{INCREASES_MAX, Increase, Return, VOIDS_MAX},
    backend::ACTION_LENGTH_MAX,
    capture::CAPTURES_MAX,
    intent::LINES_MAX,
    journal::{Stretch, TAIL_MAX},
    operation::{Breach, Heard, Operation},
};

fn text(length: usize) -> String {
    "x".repeat(length)
}

fn longest_action() -> NextAction {
    NextAction::QrCode {
        content: text(ACTION_LENGTH_MAX),
        expires_at: Some(Timestamp::MAX),
    }
}

fn longest_operation() -> Operation {
    let amount = Some(eur(JSON_INTEGER_MAX));
    Operation {
        stage: Stage::Unrecognized,
        calls: u32::MAX,
        first_sent_at: Some(Timestamp::MAX),
        first_tried_at: Some(Timestamp::MAX),
        sent_at: Some(Timestamp::MAX),
        resent: true,
        heard: Some(Heard::Unrecognized),
        reference: Reference::new(text(255)).ok(),
        code: DeclineCode::new(text(255)).ok(),
        conflict: amount,
        breach: Some(Breach::UndeclaredAction),
        moved: amount,
        decided: true,
        found: Some(Stage::Unrecognized),
        found_open: true,
        overruled: amount,
    }
}

/// An attempt of which the payer has not done what was asked; a hold has none after it.
fn longest_attempt(number: u32) -> Attempt {
    let method = PaymentMethodToken::new(text(255)).expect("a token");
    let Event::Confirmed(confirmed) = confirmed(false) else {
        panic!("another event");
    };
    let mut attempt = Attempt::open(number, method, eur(JSON_INTEGER_MAX), &confirmed);
    attempt.backend = text(64).parse().ok();
    attempt.charge = longest_operation();
    attempt.next_action = Some(longest_action());
    for number in 1..=VOIDS_MAX as u32 {
        let (amount, operation) = (Some(eur(JSON_INTEGER_MAX)), longest_operation());
        attempt.voids.insert(number, longest_operation());
        attempt.returns.insert(number, Return { amount, operation });
    }
    attempt
}

fn longest_hold(number: u32) -> Attempt {
    let mut attempt = longest_attempt(number);
    for number in 1..=CAPTURES_MAX {
        let operation = longest_operation();
        let mut capture = Capture::planned(eur(JSON_INTEGER_MAX), false);
        capture.operation = operation;
        attempt.captures.insert(number, capture);
    }
    for number in 1..=INCREASES_MAX {
        let (total, operation) = (eur(JSON_INTEGER_MAX), longest_operation());
        attempt
            .increases
            .insert(number, Increase { total, operation });
    }
    attempt
}

fn longest_intent() -> PaymentIntent {
    let mut intent = PaymentIntent::clone(&Payment::create(&created(true), Timestamp::MAX).intent);
    let line = |number: usize| format!("{number:064}").parse().ok();
    intent.lines = (0..LINES_MAX)
        .filter_map(line)
        .map(|name| (name, eur(JSON_INTEGER_MAX)))
        .collect();
    assert_eq!(intent.lines.len(), LINES_MAX);
    intent.next_action = Some(longest_action());
    intent.payment_method = PaymentMethodToken::new(text(255)).ok();
    intent.last_error = DeclineCode::new(text(255)).ok();
    intent.description = text(100).parse().ok();
    intent
}

/// The longest tail: whatever does not fit into it stands on a page.
fn longest_tail() -> Stretch {
    let mut tail = Stretch::default();
    for number in 1.. {
        let (at, event) = (Timestamp::MAX, Event::SettleAsked);
        let entry = Stretch::of([JournalEntry::of(number, at, event)]).expect("is JSON");
        let (pages, longer) = tail.clone().followed_by(entry);
        if !pages.is_empty() {
            break;
        }
        tail = longer;
    }
    tail
}

#[test]
fn the_longest_root_is_shorter_than_a_store_takes() {
    let attempts = (1..ATTEMPTS_MAX).map(longest_attempt);
    let attempts = attempts.chain([longest_hold(ATTEMPTS_MAX)]);
    let attempts = attempts.map(|attempt| (attempt.number, Arc::new(attempt)));
    let root = Root::Intent(Kept {
        state: State {
            intent: Arc::new(longest_intent()),
            attempts: attempts.collect(),
        },
        journal: longest_tail(),
    });
    let written = document::encode(&root, None).expect("writes");
    assert!(written.len() > 100_000, "{} bytes", written.len());
    assert!(
        written.len() < Limits::STANDARD.value_max,
        "{} bytes",
        written.len()
    );
}

#[test]
fn what_is_too_long_for_a_tail_stands_on_a_page_of_its_own() {
    let entry = |number, action| {
        let event = Event::ActionRefused {
            operation: OperationKey {
                intent: IntentId::from_bytes([7; 16]),
                step: Step::Charge(1),
            },
            action,
            source: Source::Call,
            reference: None,
        };
        JournalEntry::of(number, Timestamp::MIN, event)
    };
    let short = NextAction::AwaitNotification { until: None };
    let long = NextAction::QrCode {
        content: text(TAIL_MAX),
        expires_at: None,
    };
    let of = |entry| Stretch::of([entry]).expect("is JSON");
    let (pages, tail) = of(entry(1, short.clone())).followed_by(of(entry(2, long)));
    let firsts = pages.iter().map(|page| page.entries().first());
    let firsts: Result<Vec<_>, _> = firsts.collect();
    assert_eq!(firsts.expect("reads"), [Some(1), Some(2)]);
    assert_eq!(tail.len(), 0);
    let (pages, tail) = tail.followed_by(of(entry(3, short)));
    assert!(pages.is_empty());
    assert_eq!(tail.first().expect("reads"), Some(3));
}

/// The formats 1 to 3 had the intent alone as root: a release that knows no later one must not take
/// this for an intent that nobody has tried to charge yet.
#[test]
fn a_root_is_not_read_for_an_intent_without_its_attempts() {
    let payment = Payment::create(&created(false), Timestamp::MIN);
    let root = Root::Intent(Kept {
        state: State {
            intent: payment.intent,
            attempts: BTreeMap::from([(1, Arc::new(longest_attempt(1)))]),
        },
        journal: Stretch::default(),
    });
    let written = document::encode(&root, None).expect("writes");
    let read: Result<PaymentIntent, _> = serde_json::from_slice(&written);
    assert!(read.is_err());
    let read: Result<Fence, _> = serde_json::from_slice(&written);
    assert!(read.is_err());
}
