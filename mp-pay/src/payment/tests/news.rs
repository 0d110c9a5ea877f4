//! What a feed is told, in every order and repetition of what the backend tells.

use std::collections::BTreeMap;

use super::{
    converge::{Scene, scenes},
    *,
};
use crate::news;

/// Hears one observation and decides what follows of it, as one commit does, and returns what a feed
/// is told.
fn hear(payment: &mut Payment, event: &Event) -> Vec<(String, String)> {
    let before = payment.clone();
    let mut next = Some(event.clone());
    while let Some(event) = next {
        payment
            .apply(&event, Timestamp::MIN)
            .expect("it is never refused");
        next = payment.follows(LateSuccess::Return);
    }
    let told = news::of(Some(&before), payment).expect("tells");
    told.into_iter()
        .map(|it| (it.topic, it.fact.to_string()))
        .collect()
}

/// Every sequence of up to three observations, each heard twice over.
#[test]
fn each_turn_is_told_once_whatever_is_told_twice_late_or_in_another_order() {
    let mut topics = BTreeMap::new();
    for Scene {
        name,
        payment,
        words,
    } in scenes()
    {
        let count = words.len();
        for picked in 0..count.pow(3) {
            let sequence = [
                picked % count,
                picked / count % count,
                picked / count / count,
            ];
            let mut payment = payment.clone();
            let mut told: BTreeMap<String, u32> = BTreeMap::new();
            for at in sequence.into_iter().chain(sequence) {
                for (topic, fact) in hear(&mut payment, &words[at]) {
                    *topics.entry(topic.clone()).or_insert(0) += 1;
                    *told.entry(turn_of(&topic, &fact)).or_default() += 1;
                }
            }
            let case = || sequence.map(|at| words[at].clone());
            let once = told.values().all(|times| *times == 1);
            assert!(once, "{name}: {told:?} of {:?}", case());
        }
    }
    let expected = [
        news::AUTHORIZED,
        news::CANCELED,
        news::CAPTURED,
        news::DISPUTE_CLOSED,
        news::DISPUTE_CREATED,
        news::FAILED,
        news::PROCESSING,
        news::REFUND_DECLINED,
        news::REFUND_FAILED,
        news::REFUNDED,
        news::REQUIRES_ACTION,
        news::SUCCEEDED,
    ];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(
        topics.keys().collect::<Vec<_>>(),
        expected,
        "every topic comes up"
    );
}

/// Names a turn: of an intent by its topic, of which one attempt sees each once, and of anything
/// else by its topic and fact.
fn turn_of(topic: &str, fact: &str) -> String {
    let of_intent = [
        news::PROCESSING,
        news::REQUIRES_ACTION,
        news::SUCCEEDED,
        news::FAILED,
        news::CANCELED,
    ];
    match of_intent.contains(&topic) {
        true => topic.to_owned(),
        false => format!("{topic} {fact}"),
    }
}

#[test]
fn a_life_is_told_turn_by_turn() {
    let charge = Step::Charge(1);
    let operation = |step| OperationKey {
        intent: IntentId::from_bytes([7; 16]),
        step,
    };
    let observed = |step, outcome| Event::Observed {
        operation: operation(step),
        outcome,
        source: Source::Notice,
    };
    let name = |text: &str| Reference::new(text).expect("a reference");
    let action = NextAction::AwaitNotification { until: None };
    let mut payment = Payment::create(&created(false), Timestamp::MIN);
    let created = news::of(None, &payment).expect("tells");
    assert_eq!(created.len(), 1);
    assert_eq!(created[0].topic, news::CREATED);
    let life = [
        (confirmed(false), vec![]),
        (
            Event::Sent {
                operation: operation(charge),
            },
            vec![],
        ),
        (
            observed(charge, Outcome::needs_action(action)),
            vec![news::REQUIRES_ACTION],
        ),
        (
            observed(charge, Outcome::accepted()),
            vec![news::PROCESSING],
        ),
        (
            observed(charge, Outcome::authorized(name("hold"))),
            vec![news::AUTHORIZED],
        ),
        (
            Event::CaptureAsked {
                amount: eur(30),
                last: false,
            },
            vec![],
        ),
        (
            observed(Step::Capture(1, 1), Outcome::settled(name("part"))),
            vec![news::CAPTURED],
        ),
        (
            Event::CaptureAsked {
                amount: eur(70),
                last: true,
            },
            vec![],
        ),
        (
            observed(Step::Capture(1, 2), Outcome::settled(name("rest"))),
            vec![news::SUCCEEDED, news::CAPTURED],
        ),
    ];
    for (event, expected) in life {
        let told = hear(&mut payment, &event);
        let topics: Vec<&str> = told.iter().map(|(topic, _)| topic.as_str()).collect();
        assert_eq!(topics, expected, "{event:?}");
    }
}
