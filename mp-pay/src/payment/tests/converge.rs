//! Every order and repetition of small sets of observations, enumerated.

use super::*;

/// A place in a payment's life, by what led there.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) payment: Payment,
    /// What can be heard there.
    pub(super) words: Vec<Event>,
}

fn observed(step: Step, outcome: Outcome) -> Event {
    let intent = IntentId::from_bytes([7; 16]);
    Event::Observed {
        operation: OperationKey { intent, step },
        outcome,
        source: Source::Notice,
    }
}

/// The backend asks the payer for what it has not declared.
fn refused_action(step: Step) -> Event {
    let intent = IntentId::from_bytes([7; 16]);
    Event::ActionRefused {
        operation: OperationKey { intent, step },
        action: NextAction::AwaitNotification { until: None },
        source: Source::Notice,
        reference: Some(told("0")),
    }
}

fn told(text: &str) -> Reference {
    Reference::new(text).expect("a reference")
}

fn authorized() -> Outcome {
    Outcome::authorized(told("hold"))
}

fn declined() -> Outcome {
    Outcome::declined(DeclineCode::of("declined"))
}

/// Everything that can be said of an operation, with contradictions.
fn words_of(step: Step) -> Vec<Event> {
    let action = |url: &str| Outcome::needs_action(NextAction::Redirect { url: url.into() });
    let outcomes = [
        Outcome::settled(told("a")),
        Outcome::settled(told("b")).with_amount(eur(33)),
        authorized(),
        authorized().with_expiry(Timestamp::from_micros(5)),
        declined(),
        Outcome::accepted().with_reference(told("aa")),
        action("https://one.invalid").with_reference(told("c")),
        action("https://two.invalid"),
        Outcome::Unknown,
    ];
    let mut words: Vec<Event> = outcomes
        .into_iter()
        .map(|outcome| observed(step, outcome))
        .collect();
    words.push(refused_action(step));
    words
}

fn few_words_of(step: Step) -> Vec<Event> {
    let few = [
        Outcome::settled(told("a")),
        Outcome::settled(told("b")).with_amount(eur(33)),
        declined(),
        Outcome::accepted().with_reference(told("0")),
        Outcome::Unknown,
    ];
    few.into_iter()
        .map(|outcome| observed(step, outcome))
        .collect()
}

fn confirmed(capture: bool) -> Event {
    let Event::Confirmed(mut confirmed) = super::confirmed(capture) else {
        unreachable!("it confirms");
    };
    confirmed.hold_seconds = Some(60);
    Event::Confirmed(confirmed)
}

fn capture(amount: i64, last: bool) -> Event {
    let amount = eur(amount);
    Event::CaptureAsked { amount, last }
}

fn refund(id: u8, amount: i64) -> Event {
    Event::RefundAsked {
        refund: RefundId::from_bytes([id; 16]),
        amount: eur(amount),
        reason: None,
        lines: BTreeMap::new(),
    }
}

fn sent(step: Step) -> Event {
    let intent = IntentId::from_bytes([7; 16]);
    let operation = OperationKey { intent, step };
    Event::Sent { operation }
}

fn scene(name: &'static str, events: Vec<Event>, words: Vec<Event>) -> Scene {
    let mut payment = Payment::create(&created(false), Timestamp::MIN);
    for event in events {
        payment.apply(&event, Timestamp::MIN).expect(name);
    }
    Scene {
        name,
        payment,
        words,
    }
}

pub(super) fn scenes() -> Vec<Scene> {
    let charge = Step::Charge(1);
    let hold = vec![
        confirmed(false),
        sent(charge),
        observed(charge, authorized()),
    ];
    let paid = vec![
        confirmed(true),
        sent(charge),
        observed(charge, Outcome::settled(told("a"))),
    ];
    let cancel = Event::CancelAsked {
        reason: CancellationReason::Abandoned,
    };
    let refunds = [1, 2].map(|id| Step::Refund(RefundId::from_bytes([id; 16])));
    let disputes = || {
        let each = [(1, 10, 1), (1, 10, 3), (1, 10, 4), (2, 99, 0), (2, 5, 2)];
        let events = each.map(|(id, amount, status)| Event::DisputeTold {
            dispute: dispute(id, amount, status),
        });
        events.to_vec()
    };
    let with = |mut events: Vec<Event>, more: Vec<Event>| {
        events.extend(more);
        events
    };
    let captures = [Step::Capture(1, 1), Step::Capture(1, 2)];
    let part_done = observed(captures[0], Outcome::settled(told("part")));
    vec![
        scene(
            "a charge",
            vec![confirmed(true), sent(charge)],
            words_of(charge),
        ),
        scene(
            "a hold",
            vec![confirmed(false), sent(charge)],
            words_of(charge),
        ),
        scene(
            "a capture",
            with(hold.clone(), vec![capture(80, true), sent(captures[0])]),
            with(words_of(captures[0]), few_words_of(charge)),
        ),
        scene(
            "a second capture",
            with(
                hold.clone(),
                vec![
                    capture(30, false),
                    part_done,
                    capture(20, false),
                    sent(captures[1]),
                ],
            ),
            with(few_words_of(captures[1]), few_words_of(captures[0])),
        ),
        scene(
            "an increase",
            with(
                hold.clone(),
                vec![
                    Event::IncreaseAsked { total: eur(150) },
                    sent(Step::Increase(1, 1)),
                ],
            ),
            with(words_of(Step::Increase(1, 1)), few_words_of(charge)),
        ),
        scene(
            "a hold that is let go",
            with(hold, vec![cancel, sent(Step::Void(1, 1))]),
            with(few_words_of(Step::Void(1, 1)), few_words_of(charge)),
        ),
        scene(
            "a charge that is given up",
            vec![
                confirmed(true),
                sent(charge),
                observed(
                    charge,
                    Outcome::needs_action(NextAction::AwaitNotification { until: None }),
                ),
                Event::Expired,
                sent(Step::Void(1, 1)),
            ],
            with(few_words_of(Step::Void(1, 1)), words_of(charge)),
        ),
        scene(
            "a charge that went on elsewhere",
            vec![
                confirmed(true),
                sent(charge),
                observed(charge, declined()),
                Event::FellOver {
                    attempt: 1,
                    backend: destination(1).backend,
                    hold_seconds: None,
                },
                sent(Step::Charge(2)),
            ],
            with(words_of(Step::Charge(2)), few_words_of(charge)),
        ),
        scene(
            "two refunds and disputes",
            with(
                paid,
                vec![
                    refund(1, 60),
                    refund(2, 40),
                    sent(refunds[0]),
                    sent(refunds[1]),
                ],
            ),
            with(
                with(few_words_of(refunds[0]), few_words_of(refunds[1])),
                disputes(),
            ),
        ),
    ]
}

/// Every sequence of up to three observations, with repetitions, comes to the same as the set of
/// them in the order of the list: so all orders and repetitions of each set come to the same.
#[test]
fn every_order_and_repetition_of_up_to_three_observations_comes_to_the_same() {
    let mut cases = 0;
    for Scene {
        name,
        payment,
        words,
    } in scenes()
    {
        let fold = |picked: &mut dyn Iterator<Item = usize>| {
            let mut payment = payment.clone();
            for at in picked {
                let heard = payment.apply(&words[at], Timestamp::MIN);
                heard.expect("an observation is never refused");
            }
            payment
        };
        let count = words.len();
        for picked in 0..count.pow(3) {
            let sequence = [
                picked % count,
                picked / count % count,
                picked / count / count,
            ];
            let given = fold(&mut sequence.into_iter());
            let mut sorted = sequence.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            let expected = fold(&mut sorted.into_iter());
            let case = || sequence.map(|at| words[at].clone());
            assert_eq!(given, expected, "{name}: {:?}", case());
            cases += 1;
        }
    }
    println!("{cases} sequences");
    assert!(cases > 15_000, "{cases}");
}
