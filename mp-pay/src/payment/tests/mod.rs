mod contradiction;
mod converge;
mod explored;
mod falls;
mod news;
mod pairs;
mod parts;
mod root;
mod stored;

use mp_core::amount::Currency;
use proptest::prelude::*;

use super::*;
use crate::{
    backend::{Capabilities, DeclineCode, NextAction, Outcome, Reference},
    capture::Capture,
    dispute::DisputeStatus,
    intent::{CancellationReason, CaptureMethod, IntentId},
    journal::{Confirmed, JournalEntry, Source, replay},
    method::PaymentMethodToken,
    operation::{OperationKey, Stage},
    payments::LateSuccess,
    refund::RefundReason,
    routing::Destination,
    settlement::SettlementMark,
};

const AMOUNT: i64 = 100;

/// What may be tried, with numbers that pick among what there is.
#[derive(Clone, Debug)]
enum Try {
    Confirm { capture: bool },
    Capture { amount: i64, last: bool },
    Increase(i64),
    Cancel,
    Refund { id: u8, amount: i64 },
    Settle,
    Release,
    Expire,
    Lapse,
    Dispute { id: u8, amount: i64, status: u8 },
    Send(usize),
    TakeBack(usize),
    Observe(usize, u8),
    Breach(usize),
}

fn tries() -> impl Strategy<Value = Try> {
    prop_oneof![
        3 => any::<bool>().prop_map(|capture| Try::Confirm { capture }),
        3 => (-5..120_i64, any::<bool>()).prop_map(|(amount, last)| Try::Capture { amount, last }),
        1 => (90..200_i64).prop_map(Try::Increase),
        1 => Just(Try::Cancel),
        4 => (0..6_u8, -5..120_i64).prop_map(|(id, amount)| Try::Refund { id, amount }),
        1 => Just(Try::Settle),
        1 => Just(Try::Release),
        1 => Just(Try::Expire),
        1 => Just(Try::Lapse),
        1 => (0..3_u8, 1..80_i64, 0..5_u8)
            .prop_map(|(id, amount, status)| Try::Dispute { id, amount, status }),
        3 => any::<usize>().prop_map(Try::Send),
        1 => any::<usize>().prop_map(Try::TakeBack),
        1 => any::<usize>().prop_map(Try::Breach),
        12 => (any::<usize>(), 0..7_u8).prop_map(|(which, what)| Try::Observe(which, what)),
    ]
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn token() -> PaymentMethodToken {
    PaymentMethodToken::new("pm_ok").expect("a token")
}

fn created(settlement: bool) -> Created {
    let key = "seat".parse().expect("a key");
    Created {
        id: IntentId::from_bytes([7; 16]),
        app: "market".parse().expect("an app"),
        owner: "mei".parse().expect("a user"),
        amount: eur(AMOUNT),
        capture_method: CaptureMethod::Manual,
        lines: BTreeMap::new(),
        payment_method: None,
        payment_method_type: None,
        country: None,
        description: None,
        settlement: settlement.then(|| SettlementMark::new(key, Timestamp::MAX)),
    }
}

fn confirmed(capture: bool) -> Event {
    Event::Confirmed(Confirmed {
        payment_method: Some(token()),
        payment_method_type: None,
        country: None,
        backend: None,
        capture,
        expires_at: Timestamp::MAX,
        hold_seconds: None,
    })
}

/// Another backend than that of the first attempts.
fn destination(number: usize) -> Destination {
    Destination {
        backend: format!("backend-{number}").parse().ok(),
        can: Capabilities::neither(),
    }
}

fn outcome(what: u8) -> Outcome {
    let reference = Reference::new("ref").expect("a reference");
    match what {
        0 => Outcome::settled(reference),
        1 => Outcome::authorized(reference),
        2 => Outcome::Declined {
            code: DeclineCode::of("declined"),
        },
        3 => Outcome::accepted().with_reference(reference),
        4 => Outcome::needs_action(NextAction::Redirect {
            url: "https://pay.invalid".into(),
        }),
        5 => Outcome::settled(reference).with_amount(eur(AMOUNT - 1)),
        _ => Outcome::Unknown,
    }
}

fn dispute(id: u8, amount: i64, status: u8) -> Dispute {
    Dispute {
        id: DisputeId::from_bytes([id; 16]),
        reference: Reference::new("dispute").expect("a reference"),
        // Now it is told of which attempt, and now it is not.
        attempt: [None, Some(1), Some(2)][usize::from((id + status) % 3)],
        amount: eur(amount),
        status: match status {
            0 => DisputeStatus::Inquiry,
            1 => DisputeStatus::NeedsResponse,
            2 => DisputeStatus::UnderReview,
            3 => DisputeStatus::Won,
            _ => DisputeStatus::Lost,
        },
        reason: None,
        told_at: Timestamp::MIN,
    }
}

/// Returns what a journal comes to.
fn fold(journal: &[JournalEntry]) -> Payment {
    crate::journal::fold(journal).expect("replays")
}

impl Payment {
    fn pick(&self, which: usize) -> Option<OperationKey> {
        let keys: Vec<OperationKey> = self.operations().collect();
        keys.get(which.checked_rem(keys.len())?).copied()
    }

    fn event(&self, tried: &Try) -> Option<Event> {
        Some(match tried {
            Try::Confirm { capture } => confirmed(*capture),
            Try::Capture { amount, last } => Event::CaptureAsked {
                amount: eur(*amount),
                last: *last,
            },
            Try::Increase(total) => Event::IncreaseAsked { total: eur(*total) },
            Try::Cancel => Event::CancelAsked {
                reason: CancellationReason::Duplicate,
            },
            Try::Refund { id, amount } => Event::RefundAsked {
                refund: RefundId::from_bytes([*id; 16]),
                amount: eur(*amount),
                reason: None,
                lines: BTreeMap::new(),
            },
            Try::Settle => Event::SettleAsked,
            Try::Release => Event::ReleaseAsked,
            Try::Expire => Event::Expired,
            Try::Lapse => Event::Lapsed,
            Try::Dispute { id, amount, status } => Event::DisputeTold {
                dispute: dispute(*id, *amount, *status),
            },
            Try::Send(which) => Event::Sent {
                operation: self.pick(*which)?,
            },
            Try::TakeBack(which) => Event::NotSent {
                operation: self.pick(*which)?,
            },
            Try::Observe(which, what) => Event::Observed {
                operation: self.pick(*which)?,
                outcome: outcome(*what),
                source: Source::Call,
            },
            Try::Breach(which) => Event::ActionRefused {
                operation: self.pick(*which)?,
                action: NextAction::AwaitNotification { until: None },
                source: Source::Call,
                reference: Reference::new("ref").ok(),
            },
        })
    }

    /// Applies an event and what is decided because of it, where there is one backend.
    fn follow(&mut self, event: &Event, late: LateSuccess, now: Timestamp) -> Option<Vec<Event>> {
        self.follow_or_fall(event, late, false, now)
    }

    /// The same, where there are two more if it `falls`.
    fn follow_or_fall(
        &mut self,
        event: &Event,
        late: LateSuccess,
        falls: bool,
        now: Timestamp,
    ) -> Option<Vec<Event>> {
        self.clone().apply(event, now).ok()?;
        let elsewhere = |payment: &Self, attempt: &Attempt| {
            let tried = payment.tried(attempt).len();
            (falls && tried < 3).then(|| destination(tried))
        };
        let decided = self.go_on(event.clone(), late, &elsewhere, now);
        let events = decided.expect("what is decided is legal");
        assert!(events.len() < 10, "no end of decisions: {events:?}");
        Some(events)
    }

    /// What holds in every state, whatever was tried.
    fn check(&self, before: &Self) {
        let intent = &self.intent;
        let (received, amount) = (intent.amount_received.minor(), intent.amount.minor());
        let refunded = intent.amount_refunded.minor();
        let reserved = intent.amount_reserved_for_refund.minor();
        assert!(refunded >= 0 && reserved >= 0);
        assert!(refunded + reserved <= received, "refunded ≤ captured");
        let capturable = intent.amount_capturable.minor();
        if self.is_contradicted() {
            let overpaid = self.refunds.values();
            let overpaid = overpaid.filter(|it| it.reason == Some(RefundReason::Overpaid));
            let back: i64 = overpaid.map(|refund| refund.amount.minor()).sum();
            let open = intent.status != IntentStatus::Succeeded;
            let left = intent.amount_refundable().minor();
            assert!(
                received - back <= amount || open || left == 0,
                "kept too much"
            );
        } else {
            assert!(capturable + received <= amount, "captured ≤ authorised");
        }
        let of = |stage: fn(Stage) -> bool| {
            let refunds = self.refunds.values();
            let sums = refunds.filter(|refund| stage(refund.operation.stage));
            sums.map(|refund| refund.amount.minor()).sum::<i64>()
        };
        assert_eq!(refunded, of(|stage| stage == Stage::Done));
        assert_eq!(reserved, of(|stage| !stage.is_known()));
        for (id, was) in &before.refunds {
            let is = self.refunds.get(id).expect("a refund stays");
            assert_eq!(is.amount, was.amount, "a refund is what it was asked to be");
            assert!(
                is.operation.calls >= was.operation.calls,
                "a refund begins once"
            );
        }
        let (was, is) = (before.intent.status, intent.status);
        if was.is_terminal() {
            assert_eq!(is, was, "terminal is terminal");
        }
        if is == IntentStatus::Succeeded {
            assert!(received > 0, "succeeded without money");
        }
        self.check_attempts();
    }

    /// Returns whether the backend has captured what it had declined to: against its contract.
    fn is_contradicted(&self) -> bool {
        let mut attempts = self.attempts.values();
        let captured = |attempt: &Arc<Attempt>| {
            let captures = attempt.captures.values();
            let of = |it: &Capture| it.taken() + it.reserved();
            captures.map(of).sum::<i64>() > attempt.total().minor()
        };
        attempts.any(captured)
    }

    fn check_attempts(&self) {
        for attempt in self.attempts.values() {
            let dropped = self.intent.attempt != Some(attempt.number);
            assert!(
                !dropped || !attempt.owed().is_positive(),
                "kept for nothing"
            );
            if attempt.holds() && dropped {
                assert!(!attempt.voids.is_empty(), "held for nothing");
            }
            // One attempt is open at most: another is made only when the last took nothing.
            let given_up = attempt.abandoned || attempt.charge.is_declined();
            assert!(!dropped || given_up, "open beside another");
            let live = !dropped && !attempt.charge.is_declined();
            assert!(!live || !attempt.abandoned, "counts and was given up");
        }
    }

    /// Returns whether a move of the table leads from one status to the other.
    fn is_legal(was: IntentStatus, is: IntentStatus) -> bool {
        let moves = crate::intent::MOVES.iter();
        was == is
            || moves
                .clone()
                .any(|(_, from, to)| from.contains(&was) && *to == is)
    }
}

proptest! {
    #[test]
    fn refunded_is_at_most_captured_and_captured_at_most_the_amount(
        settlement: bool,
        accept: bool,
        falls: bool,
        tries in proptest::collection::vec(tries(), 1..60),
    ) {
        let late = if accept { LateSuccess::Accept } else { LateSuccess::Return };
        let mut now = Timestamp::MIN;
        let created = created(settlement);
        let mut payment = Payment::create(&created, now);
        let event = Event::Created(created);
        let mut journal = vec![JournalEntry::of(1, now, event)];
        for tried in tries {
            let Some(event) = payment.event(&tried) else { continue };
            now = now.plus(std::time::Duration::from_secs(1));
            let mut stepwise = payment.clone();
            let mut after = payment.clone();
            let Some(events) = after.follow_or_fall(&event, late, falls, now) else { continue };
            for event in &events {
                let was = stepwise.intent.status;
                stepwise.apply(event, now).expect("as before");
                let is = stepwise.intent.status;
                prop_assert!(Payment::is_legal(was, is), "{:?}: {} to {}", event, was, is);
            }
            after.check(&payment);
            let learnt = matches!(
                &event,
                Event::Observed { .. } | Event::ActionRefused { .. } | Event::DisputeTold { .. }
            );
            if learnt {
                let mut twice = after.clone();
                twice.follow_or_fall(&event, late, falls, now).expect("a repetition is no error");
                prop_assert_eq!(&twice, &after, "a repetition changes nothing");
            }
            for event in events {
                let number = journal.len() as u32 + 1;
                journal.push(JournalEntry::of(number, now, event));
            }
            payment = after;
        }
        prop_assert_eq!(fold(&journal), payment, "the state is the fold");
    }
}

#[test]
fn a_journal_that_is_not_whole_is_not_replayed() {
    let entry = |number, event| {
        let at = Timestamp::MIN;
        JournalEntry::of(number, at, event)
    };
    let created = || entry(1, Event::Created(created(false)));
    for journal in [
        vec![],
        vec![entry(1, Event::Expired)],
        vec![entry(2, created().event)],
        vec![created(), entry(3, Event::SettleAsked)],
        vec![created(), entry(2, Event::Unrecognized)],
        vec![created(), entry(2, created().event)],
        vec![created(), entry(2, Event::Lapsed)],
    ] {
        let refused = replay(&journal).expect_err("refused");
        assert_eq!(refused.field(), Some("journal"), "{journal:?}");
    }
    assert!(replay(&[created(), entry(2, Event::SettleAsked)]).is_ok());
}

#[test]
fn refusals_leave_what_is_kept_unchanged() {
    let world = Payment::create(&created(false), Timestamp::MIN);
    for tried in [
        Try::Capture {
            amount: 5,
            last: true,
        },
        Try::Increase(500),
        Try::Refund { id: 1, amount: 5 },
        Try::Expire,
        Try::Lapse,
    ] {
        let event = world.event(&tried).expect("an event");
        let refused = world.clone().apply(&event, Timestamp::MIN);
        let expected = matches!(refused, Err(PayError::UnexpectedState { .. }));
        assert!(expected, "{tried:?}: {refused:?}");
    }
}
