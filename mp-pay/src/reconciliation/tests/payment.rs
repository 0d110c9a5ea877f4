//! What of a payment moved, read from its journal.

use mp_core::id::UserId;
use serde_json::json;

use super::*;
use crate::{
    backend::{DeclineCode, Outcome},
    dispute::{Dispute, DisputeStatus},
    intent::CaptureMethod,
    journal::{Created, Event, JournalEntry, Source},
    payment::Payment,
    reconciliation::{
        Carry, Difference,
        LineKind::{Capture, Charge, Refund},
        Standing,
        moved::movements,
    },
};

/// A payment and its journal, an entry a minute.
struct Told {
    payment: Payment,
    journal: Vec<JournalEntry>,
}

impl Told {
    fn new(manual: bool) -> Self {
        let created = Created {
            id: intent(1),
            app: "market".parse().expect("an app"),
            owner: "mei".parse::<UserId>().expect("a user"),
            amount: eur(100),
            capture_method: match manual {
                true => CaptureMethod::Manual,
                false => CaptureMethod::Automatic,
            },
            lines: Default::default(),
            payment_method: crate::method::PaymentMethodToken::new("pm_ok").ok(),
            payment_method_type: None,
            country: None,
            description: None,
            settlement: None,
        };
        let payment = Payment::create(&created, at(0));
        let mut told = Self {
            payment,
            journal: Vec::new(),
        };
        told.push(Event::Created(created));
        let confirmed = json!({"type": "confirmed", "capture": !manual, "expires_at": at(DAY)});
        told.apply(serde_json::from_value(confirmed).expect("an event"));
        told
    }

    fn push(&mut self, event: Event) {
        let number = u32::try_from(self.journal.len()).expect("small") + 1;
        let at = at(u64::from(number) * 60);
        self.journal.push(JournalEntry::of(number, at, event));
    }

    fn apply(&mut self, event: Event) {
        self.push(event);
        let entry = self.journal.last().expect("was pushed");
        self.payment.apply(&entry.event, entry.at).expect("applies");
    }

    fn outcome(&mut self, step: Step, outcome: Outcome) {
        let operation = key(1, step);
        self.apply(Event::Sent { operation });
        self.hear(step, outcome);
    }

    fn hear(&mut self, step: Step, outcome: Outcome) {
        let (operation, source) = (key(1, step), Source::Call);
        self.apply(Event::Observed {
            operation,
            outcome,
            source,
        });
    }

    fn movements(&self) -> Vec<Expected> {
        movements(&self.payment, &self.journal)
    }

    fn seen(&self) -> Vec<(LineKind, i64, Standing)> {
        let movements = self.movements().into_iter();
        movements
            .map(|it| (it.kind, it.amount.minor(), it.standing))
            .collect()
    }
}

fn settled() -> Outcome {
    Outcome::settled(named("ref"))
}

fn declined() -> Outcome {
    Outcome::declined(DeclineCode::of("declined"))
}

#[test]
fn a_charge_moves_once_it_is_settled() {
    let mut told = Told::new(false);
    assert_eq!(told.seen(), [(Charge, 100, Standing::Open)]);
    told.outcome(Step::Charge(1), settled());
    assert_eq!(told.seen(), [(Charge, 100, Standing::Moved)]);
    let charge = &told.movements()[0];
    assert_eq!(
        (charge.sent_at, charge.at),
        (at(180), at(240)),
        "sent, and settled"
    );
    assert_eq!(charge.reference, Some(named("ref")));
    let mut told = Told::new(false);
    told.outcome(Step::Charge(1), declined());
    assert_eq!(told.seen(), [(Charge, 100, Standing::NotMoved)]);
}

#[test]
fn a_hold_moves_nothing_and_its_captures_do() {
    let mut told = Told::new(true);
    told.outcome(Step::Charge(1), Outcome::authorized(named("ref")));
    assert_eq!(told.seen(), [(Charge, 100, Standing::NotMoved)]);
    told.apply(Event::CaptureAsked {
        amount: eur(60),
        last: true,
    });
    assert_eq!(told.seen(), [(Capture, 60, Standing::Open)]);
    told.outcome(Step::Capture(1, 1), settled());
    assert_eq!(told.seen(), [(Capture, 60, Standing::Moved)]);
}

#[test]
fn what_was_taken_of_a_hold_beside_its_captures_is_expected_once() {
    for (found, rest) in [(100, Some(40)), (60, None)] {
        let mut told = Told::new(true);
        told.outcome(Step::Charge(1), Outcome::authorized(named("ref")));
        told.apply(Event::CaptureAsked {
            amount: eur(60),
            last: false,
        });
        told.outcome(Step::Capture(1, 1), settled());
        // Somebody has taken the rest at the provider, and a person has found how much it is in all.
        told.apply(Event::Observed {
            operation: key(1, Step::Charge(1)),
            outcome: settled().with_amount(eur(found)),
            source: Source::Person,
        });
        let charge = rest.map(|cents| (Charge, cents, Standing::Moved));
        let capture = (Capture, 60, Standing::Moved);
        let expected: Vec<_> = charge.into_iter().chain([capture]).collect();
        assert_eq!(told.seen(), expected);
    }
}

#[test]
fn a_refund_goes_out_and_comes_back_if_it_fails_later() {
    let mut told = Told::new(false);
    told.outcome(Step::Charge(1), settled());
    let Step::Refund(id) = refund(1) else {
        unreachable!("it is a refund")
    };
    told.apply(Event::RefundAsked {
        refund: id,
        amount: eur(30),
        reason: None,
        lines: Default::default(),
    });
    told.outcome(refund(1), settled());
    assert_eq!(told.seen()[1..], [(Refund, -30, Standing::Moved)]);
    told.hear(refund(1), declined());
    let back = [
        (Refund, -30, Standing::Moved),
        (Refund, 30, Standing::Moved),
    ];
    assert_eq!(told.seen()[1..], back);
    let [_, given, back] = &told.movements()[..] else {
        panic!("three")
    };
    assert!(given.at < back.at, "each at its own time");
}

#[test]
fn what_is_returned_by_ourselves_comes_back_if_that_fails_later() {
    for (first, standing) in [
        (settled(), Standing::Moved),
        (Outcome::accepted(), Standing::NotMoved),
    ] {
        let mut told = Told::new(false);
        told.outcome(Step::Charge(1), settled());
        let (attempt, amount) = (1, eur(100));
        told.apply(Event::ReturnAsked { attempt, amount });
        told.outcome(Step::Return(1, 1), first);
        told.hear(Step::Return(1, 1), declined());
        let both = [(Refund, -100, standing), (Refund, 100, standing)];
        assert_eq!(told.seen()[1..], both);
    }
}

/// Stripe's books have a refund out while it is pending, and tell it back if it fails.
#[test]
fn a_refund_that_was_accepted_and_failed_may_be_told_both_ways() {
    let mut told = Told::new(false);
    told.outcome(Step::Charge(1), settled());
    let Step::Refund(id) = refund(1) else {
        unreachable!("it is a refund")
    };
    told.apply(Event::RefundAsked {
        refund: id,
        amount: eur(30),
        reason: None,
        lines: Default::default(),
    });
    told.outcome(refund(1), Outcome::accepted());
    assert_eq!(told.seen()[1..], [(Refund, -30, Standing::Open)]);
    told.hear(refund(1), declined());
    let both = [
        (Refund, -30, Standing::NotMoved),
        (Refund, 30, Standing::NotMoved),
    ];
    assert_eq!(told.seen()[1..], both);
    let run = |lines: &[i64]| {
        let mut reconciler = Reconciler::new(day(0), None);
        told.movements()
            .into_iter()
            .for_each(|it| reconciler.expect(it));
        let charge = line(1, Charge, eur(100)).with_key(key(1, Step::Charge(1)));
        reconciler.take(charge).expect("takes");
        for (number, minor) in (2..).zip(lines) {
            let told = line(number, Refund, eur(*minor)).with_key(key(1, refund(1)));
            reconciler.take(told).expect("takes");
        }
        reconciler.finish().expect("reconciles").report
    };
    assert!(run(&[]).is_clean(), "no report has to tell it");
    for lines in [[-30, 30], [30, -30]] {
        let report = run(&lines);
        assert!(report.is_clean(), "{report}");
        assert_eq!((report.matched, report.totals[0].difference), (3, eur(0)));
    }
    // What went out and did not come back is found, and so is what came back in part.
    for (lines, differing) in [
        (&[-30][..], 1),
        (&[30], 1),
        (&[-30, 20], 2),
        (&[-30, -30, 30], 1),
    ] {
        let report = run(lines);
        assert_eq!(
            (report.differing.count, report.extra.count),
            (differing, 0),
            "{report}"
        );
    }
}

/// It was accepted on the first day, and told as gone; it failed on the third.
#[test]
fn what_went_out_in_one_report_comes_back_in_another() {
    let expected = |minor, moved_at| {
        Expected::moved(
            Subject::Operation(key(1, refund(1))),
            Refund,
            eur(minor),
            at(moved_at),
        )
    };
    let told = |minor| line(2, Refund, eur(minor)).with_key(key(1, refund(1)));
    let mut first = Reconciler::new(day(0), None);
    first.expect(expected(-30, NOON).standing(Standing::Open));
    first.take(told(-30)).expect("takes");
    let first = first.finish().expect("reconciles");
    assert_eq!(first.report.differing.items[0].what, Difference::Open);
    let third = |carry| {
        let mut third = Reconciler::new(day(2), Some(carry));
        for minor in [-30, 30] {
            let failed = expected(minor, 2 * DAY + NOON).standing(Standing::NotMoved);
            third.expect(failed.sent_at(at(NOON)));
        }
        third.take(told(30)).expect("takes");
        third.finish().expect("reconciles").report
    };
    assert!(third(first.carry).is_clean());
    let unknown = third(Carry::default());
    assert_eq!(unknown.differing.items[0].what, Difference::NotMoved);
}

/// Tells of a dispute over so much, a word after the other.
fn tell_dispute(told: &mut Told, status: DisputeStatus, amount: i64) {
    let Subject::Dispute { dispute: id, .. } = dispute(1) else {
        unreachable!("it is a dispute")
    };
    let dispute = Dispute {
        id,
        reference: named("dp_1"),
        attempt: None,
        amount: eur(amount),
        status,
        reason: None,
        told_at: at(0),
    };
    told.apply(Event::DisputeTold { dispute });
}

#[test]
fn a_dispute_takes_once_and_gives_back_if_it_is_won() {
    let mut told = Told::new(false);
    told.outcome(Step::Charge(1), settled());
    let mut tell = |status| {
        tell_dispute(&mut told, status, 100);
        let seen = told.seen();
        seen[1..]
            .iter()
            .map(|(_, minor, _)| *minor)
            .collect::<Vec<_>>()
    };
    assert_eq!(tell(DisputeStatus::Inquiry), [0_i64; 0]);
    assert_eq!(tell(DisputeStatus::NeedsResponse), [-100]);
    assert_eq!(tell(DisputeStatus::UnderReview), [-100]);
    assert_eq!(tell(DisputeStatus::Won), [-100, 100]);
    assert_eq!(tell(DisputeStatus::Won), [-100, 100]);
}

#[test]
fn a_dispute_that_is_heard_of_when_it_is_won_may_be_told_both_ways() {
    use DisputeStatus::{Lost, NeedsResponse, Won};
    let heard = |words: &[DisputeStatus]| {
        let mut told = Told::new(false);
        told.outcome(Step::Charge(1), settled());
        words.iter().for_each(|it| tell_dispute(&mut told, *it, 30));
        told
    };
    let run = |lines: &[i64]| {
        let mut reconciler = Reconciler::new(day(0), None);
        let movements = heard(&[Won]).movements().into_iter();
        movements.for_each(|it| reconciler.expect(it));
        let charge = line(1, Charge, eur(100)).with_key(key(1, Step::Charge(1)));
        reconciler.take(charge).expect("takes");
        for (number, minor) in (2..).zip(lines) {
            let told = line(number, LineKind::Dispute, eur(*minor));
            let told = told.with_reference(named("dp_1"));
            reconciler.take(told).expect("takes");
        }
        reconciler.finish().expect("reconciles").report
    };
    for lines in [&[][..], &[-30, 30]] {
        let report = run(lines);
        assert!(report.is_clean(), "{report}");
    }
    assert_eq!(run(&[-30]).differing.count, 1, "what has not come back");

    let kind = LineKind::Dispute;
    let [out, back] = [-30, 30].map(|minor| (kind, minor, Standing::Moved));
    for (words, expected) in [
        (&[Won, NeedsResponse][..], vec![out, back]),
        (&[Won, Lost], vec![out]),
        (&[NeedsResponse, Won, Lost], vec![out, back]),
    ] {
        assert_eq!(heard(words).seen()[1..], expected, "{words:?}");
    }
}
