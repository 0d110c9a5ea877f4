use mp_core::amount::Currency;

use super::*;
use crate::backend::{NextAction, Reference};

const fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn planned() -> PayoutOrder {
    let created = CreatedPayout {
        id: PayoutId::derived(&["test"]),
        key: "reward".parse().expect("a key"),
        app: "market".parse().expect("an app"),
        receiver: Receiver::user("mei".parse().expect("a user")),
        destination: "acct_mei".parse().ok(),
        amount: eur(100),
        reason: "a reward".parse().expect("a label"),
    };
    PayoutOrder::create(&created, Timestamp::MIN)
}

fn settled() -> Outcome {
    Outcome::settled(Reference::new("ref").expect("a reference"))
}

fn open() -> Outcome {
    Outcome::accepted().with_reference(Reference::new("ref").expect("a reference"))
}

fn declined() -> Outcome {
    Outcome::declined(DeclineCode::of("account_closed"))
}

fn told(outcome: Outcome) -> PayoutEvent {
    let source = Source::Notice;
    PayoutEvent::Observed { outcome, source }
}

fn found(outcome: Outcome) -> PayoutEvent {
    let source = Source::Person;
    PayoutEvent::Observed { outcome, source }
}

/// Every kind of event, by name.
fn events() -> Vec<(&'static str, PayoutEvent)> {
    let action = NextAction::AwaitNotification { until: None };
    vec![
        ("cancel", PayoutEvent::Canceled),
        ("send", PayoutEvent::Sent),
        ("not sent", PayoutEvent::NotSent),
        ("paid", told(settled())),
        ("other", told(settled().with_amount(eur(90)))),
        ("declined", told(declined())),
        ("accepted", told(open())),
        ("unknown", told(Outcome::Unknown)),
        (
            "action",
            PayoutEvent::ActionRefused {
                action,
                source: Source::Notice,
                reference: Reference::new("ref").ok(),
            },
        ),
        ("nowhere", PayoutEvent::NoDestination),
        ("found", found(settled())),
        ("not found", found(declined())),
    ]
}

fn after(path: &[&str]) -> PayoutOrder {
    let mut order = planned();
    for name in path {
        let all = events();
        let (_, event) = all
            .iter()
            .find(|(known, _)| known == name)
            .expect("an event");
        order.apply(event, Timestamp::MIN).expect("applies");
    }
    order
}

/// Every state there is, and what leads there.
const STATES: [(&str, &[&str]); 14] = [
    ("planned", &[]),
    ("sent", &["send"]),
    ("resent", &["send", "unknown", "send"]),
    ("unknown", &["send", "unknown"]),
    ("accepted", &["send", "accepted"]),
    ("conflicted", &["send", "other"]),
    ("breached", &["send", "action"]),
    ("paid", &["send", "paid"]),
    ("declined", &["send", "declined"]),
    ("returned", &["send", "paid", "declined"]),
    ("canceled", &["cancel"]),
    ("found", &["send", "unknown", "found"]),
    ("not found", &["send", "unknown", "not found"]),
    ("not found?", &["send", "unknown", "not found", "paid"]),
];

/// Tells a state apart by all that decides what comes next.
fn name_of(order: &PayoutOrder) -> &'static str {
    let doubted = order.operation.conflict.is_some();
    match (order.status, order.operation.stage) {
        (PayoutStatus::Paid, Stage::Done) if order.operation.decided => "found",
        (PayoutStatus::Declined, Stage::Declined) if order.operation.decided && doubted => {
            "not found?"
        }
        (PayoutStatus::Declined, Stage::Declined) if order.operation.decided => "not found",
        (PayoutStatus::Canceled, _) => "canceled",
        (PayoutStatus::Returned, _) => "returned",
        (_, Stage::Planned) => "planned",
        (_, Stage::Sent) if order.operation.resent => "resent",
        (_, Stage::Sent) => "sent",
        (_, Stage::Unknown) => "unknown",
        (_, Stage::Pending) => "accepted",
        (_, Stage::Conflicted) if order.operation.breach.is_some() => "breached",
        (_, Stage::Conflicted) => "conflicted",
        (_, Stage::Done) => "paid",
        (_, Stage::Declined) => "declined",
        (_, Stage::Unrecognized) => "unrecognized",
    }
}

/// The state on the left, after each event in the order of [`events`]; `-` where it stays.
#[rustfmt::skip]
const TABLE: &str = "\
planned   |canceled  |sent      |-         |paid      |conflicted|declined  |accepted  |-         |breached  |declined  |found     |not found
sent      |refused   |resent    |planned   |paid      |conflicted|declined  |accepted  |unknown   |breached  |declined  |found     |not found
resent    |refused   |-         |unknown   |paid      |conflicted|declined  |accepted  |unknown   |breached  |declined  |found     |not found
unknown   |refused   |resent    |-         |paid      |conflicted|declined  |accepted  |-         |breached  |declined  |found     |not found
accepted  |refused   |resent    |-         |paid      |conflicted|declined  |-         |-         |breached  |declined  |found     |not found
conflicted|refused   |-         |-         |paid      |-         |returned  |-         |-         |breached  |returned  |found     |not found
breached  |refused   |-         |-         |paid      |-         |declined  |-         |-         |-         |declined  |found     |not found
paid      |refused   |-         |-         |-         |-         |returned  |-         |-         |-         |returned  |found     |not found
declined  |refused   |-         |-         |returned  |returned  |-         |-         |-         |-         |-         |found     |not found
returned  |refused   |-         |-         |-         |-         |-         |-         |-         |-         |-         |found     |not found
canceled  |-         |-         |-         |paid      |conflicted|declined  |accepted  |-         |breached  |declined  |found     |not found
found     |refused   |-         |-         |-         |-         |returned  |-         |-         |-         |returned  |-         |not found
not found |refused   |-         |-         |not found?|not found?|-         |-         |-         |-         |-         |found     |-
not found?|refused   |-         |-         |-         |-         |-         |-         |-         |-         |-         |found     |not found
";

#[test]
fn every_state_and_event_has_one_outcome() {
    let mut table = String::new();
    for (name, path) in STATES {
        let before = after(path);
        assert_eq!(name_of(&before), name);
        let mut row = vec![format!("{name:<10}")];
        for (_, event) in events() {
            let mut order = before.clone();
            let outcome = match order.apply(&event, Timestamp::MIN) {
                Ok(()) if name_of(&order) == name => "-",
                Ok(()) => name_of(&order),
                Err(PayoutError::TooLate(_)) => "refused",
                Err(error) => panic!("{name}: {error}"),
            };
            row.push(format!("{outcome:<10}"));
        }
        table.push_str(row.join("|").trim_end());
        table.push('\n');
    }
    assert_eq!(table, TABLE);
}

/// Every sequence of up to four words comes to the same as its words in another order.
#[test]
fn what_is_told_comes_to_the_same_in_any_order_and_repetition() {
    let words: Vec<PayoutEvent> = events()
        .into_iter()
        .filter(|(name, _)| ["paid", "other", "declined", "accepted", "unknown"].contains(name))
        .map(|(_, event)| event)
        .collect();
    let learnt = |sequence: &[usize]| {
        let mut order = after(&["send"]);
        for word in sequence {
            order.apply(&words[*word], Timestamp::MIN).expect("applies");
        }
        order
    };
    let n = words.len();
    for number in 0..n.pow(4) {
        let sequence: Vec<usize> = (0..4).map(|place| number / n.pow(place) % n).collect();
        let mut sorted = sequence.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(learnt(&sequence), learnt(&sorted), "{sequence:?}");
    }
}

#[test]
fn what_was_called_off_is_never_sent() {
    let order = after(&["cancel"]);
    let can = PayoutCapabilities::neither().with_queries();
    let call_max = Duration::from_secs(30);
    assert_eq!(order.next_move(can, call_max, Timestamp::MIN), Move::Rest);
    assert_eq!(order.due_at(call_max, Timestamp::MIN), None);
    let back = after(&["send", "not sent", "cancel"]);
    assert_eq!(back.status, PayoutStatus::Canceled);
}

#[test]
fn a_persons_word_is_the_last() {
    assert_eq!(
        after(&["send", "other", "not found"]).status,
        PayoutStatus::Declined
    );
    assert_eq!(
        after(&["send", "unknown", "found"]).status,
        PayoutStatus::Paid
    );
    assert_eq!(
        after(&["send", "other", "not found", "other", "found"]).status,
        PayoutStatus::Paid
    );
}

/// What a person has found declined, and the backend tells as paid, has not come back.
#[test]
fn what_contradicts_a_persons_finding_is_put_before_a_person_and_changes_nothing() {
    let can = PayoutCapabilities::neither().with_queries();
    let call_max = Duration::from_secs(30);
    for (contrary, told) in [("paid", eur(100)), ("other", eur(90))] {
        let mut order = after(&["send", "unknown", "not found"]);
        assert_eq!(order.next_move(can, call_max, Timestamp::MIN), Move::Rest);
        let all = events();
        let (_, event) = all
            .iter()
            .find(|(name, _)| *name == contrary)
            .expect("is one");
        for _ in 0..2 {
            order.apply(event, Timestamp::MIN).expect("applies");
            let known = (order.status, order.paid_at, order.operation.conflict);
            assert_eq!(known, (PayoutStatus::Declined, None, Some(told)));
            assert_eq!(order.next_move(can, call_max, Timestamp::MIN), Move::Person);
            assert_eq!(order.due_at(call_max, Timestamp::MIN), Some(Timestamp::MIN));
        }
    }
    let back = after(&["send", "unknown", "found", "declined"]);
    assert_eq!(
        back.status,
        PayoutStatus::Returned,
        "what was found paid may come back"
    );
}
