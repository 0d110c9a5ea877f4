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
        self.journal.push(JournalEntry { number, at, event });
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
fn a_dispute_takes_once_and_gives_back_if_it_is_won() {
    let mut told = Told::new(false);
    told.outcome(Step::Charge(1), settled());
    let Subject::Dispute { dispute: id, .. } = dispute(1) else {
        unreachable!("it is a dispute")
    };
    let mut tell = |status| {
        let dispute = Dispute {
            id,
            reference: named("dp_1"),
            amount: eur(100),
            status,
            reason: None,
            told_at: at(0),
        };
        told.apply(Event::DisputeTold { dispute });
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
