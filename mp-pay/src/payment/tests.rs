use mp_core::amount::Currency;
use proptest::prelude::*;

use super::*;
use crate::{
    backend::{DeclineCode, NextAction, Outcome, Reference},
    intent::{CancellationReason, CaptureMethod, IntentId},
    journal::{JournalEntry, Source},
    method::PaymentMethodToken,
    operation::{OperationKey, Stage},
    settlement::SettlementMark,
};

const AMOUNT: i64 = 100;

/// What may be tried, with numbers that pick among what there is.
#[derive(Clone, Debug)]
enum Try {
    Confirm { capture: bool },
    Capture(i64),
    Cancel,
    Refund { id: u8, amount: i64 },
    Settle,
    Release,
    Expire,
    Send(usize),
    TakeBack(usize),
    Observe(usize, u8),
}

fn tries() -> impl Strategy<Value = Try> {
    prop_oneof![
        3 => any::<bool>().prop_map(|capture| Try::Confirm { capture }),
        2 => (-5..120_i64).prop_map(Try::Capture),
        1 => Just(Try::Cancel),
        4 => (any::<u8>(), -5..120_i64).prop_map(|(id, amount)| Try::Refund { id, amount }),
        1 => Just(Try::Settle),
        1 => Just(Try::Release),
        1 => Just(Try::Expire),
        3 => any::<usize>().prop_map(Try::Send),
        1 => any::<usize>().prop_map(Try::TakeBack),
        12 => (any::<usize>(), 0..6_u8).prop_map(|(which, what)| Try::Observe(which, what)),
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
        payment_method: None,
        description: None,
        settlement: settlement.then(|| SettlementMark::new(key, Timestamp::MAX)),
    }
}

fn outcome(what: u8) -> Outcome {
    let reference = Reference::new("ref").expect("a reference");
    match what {
        0 => Outcome::Settled { reference },
        1 => Outcome::Authorized { reference },
        2 => Outcome::Declined {
            code: DeclineCode::of("declined"),
        },
        3 => Outcome::Accepted,
        4 => Outcome::NeedsAction {
            action: NextAction::Redirect {
                url: "https://pay.invalid".into(),
            },
        },
        _ => Outcome::Unknown,
    }
}

impl Payment {
    fn pick(&self, which: usize) -> Option<OperationKey> {
        let keys: Vec<OperationKey> = self.operations().collect();
        keys.get(which.checked_rem(keys.len())?).copied()
    }

    fn event(&self, tried: &Try) -> Option<Event> {
        Some(match tried {
            Try::Confirm { capture } => Event::Confirmed {
                payment_method: Some(token()),
                capture: *capture,
                expires_at: Timestamp::MAX,
            },
            Try::Capture(amount) => Event::CaptureAsked {
                amount: eur(*amount),
            },
            Try::Cancel => Event::CancelAsked {
                reason: CancellationReason::Duplicate,
            },
            Try::Refund { id, amount } => Event::RefundAsked {
                refund: RefundId::from_bytes([*id; 16]),
                amount: eur(*amount),
                reason: None,
            },
            Try::Settle => Event::SettleAsked,
            Try::Release => Event::ReleaseAsked,
            Try::Expire => Event::Expired,
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
        })
    }

    /// What holds in every state, whatever was tried.
    fn check(&self, before: &Self) {
        let intent = &self.intent;
        let (received, amount) = (intent.amount_received.minor(), intent.amount.minor());
        let refunded = intent.amount_refunded.minor();
        let reserved = intent.amount_reserved_for_refund.minor();
        assert!(refunded >= 0 && reserved >= 0);
        assert!(refunded + reserved <= received, "refunded ≤ captured");
        assert!(received <= amount, "captured ≤ amount");
        let of = |stage: fn(Stage) -> bool| {
            let refunds = self.refunds.values();
            let sums = refunds.filter(|refund| stage(refund.operation.stage));
            sums.map(|refund| refund.amount.minor()).sum::<i64>()
        };
        assert_eq!(refunded, of(|stage| stage == Stage::Done));
        assert_eq!(reserved, of(|stage| !stage.is_known()));
        if before.intent.status.is_terminal() {
            assert_eq!(intent.status, before.intent.status, "terminal is terminal");
        }
        assert_eq!(received > 0, intent.status == IntentStatus::Succeeded);
        self.check_attempts();
    }

    fn check_attempts(&self) {
        let live =
            |attempt: &&Attempt| !attempt.abandoned && attempt.charge.stage != Stage::Declined;
        assert!(
            self.attempts.iter().filter(live).count() <= 1,
            "one attempt"
        );
        for attempt in &self.attempts {
            let voided = attempt
                .void
                .as_ref()
                .is_some_and(|it| it.stage == Stage::Done);
            let took = attempt.charge.stage == Stage::Done && !attempt.held && !voided;
            let dropped = self.intent.attempt != Some(attempt.number);
            assert!(
                !took || !dropped || attempt.returned.is_some(),
                "kept for nothing"
            );
            if attempt.held && dropped {
                assert!(attempt.void.is_some(), "held for nothing");
            }
        }
    }
}

proptest! {
    #[test]
    fn refunded_is_at_most_captured_and_captured_at_most_the_amount(
        settlement: bool,
        tries in proptest::collection::vec(tries(), 1..60),
    ) {
        let mut now = Timestamp::MIN;
        let created = created(settlement);
        let mut payment = Payment::create(&created, now);
        let event = Event::Created(created);
        let mut journal = vec![JournalEntry { number: 1, at: now, event }];
        for tried in tries {
            let Some(event) = payment.event(&tried) else { continue };
            // An id that is taken is not given again: it is derived from the call.
            if let Event::RefundAsked { refund, .. } = event && payment.refunds.contains_key(&refund) {
                continue;
            }
            now = now.plus(std::time::Duration::from_secs(1));
            let mut after = payment.clone();
            if after.apply(&event, now).is_err() {
                continue;
            }
            after.check(&payment);
            if matches!(&event, Event::Observed { outcome, .. } if outcome.is_known()) {
                let mut twice = after.clone();
                twice.apply(&event, now).expect("a repetition is no error");
                prop_assert_eq!(&twice, &after, "a repetition changes nothing");
            }
            let number = journal.len() as u32 + 1;
            journal.push(JournalEntry { number, at: now, event });
            payment = after;
        }
        prop_assert_eq!(Payment::fold(&journal), Some(payment), "the state is the fold");
    }
}

#[test]
fn refusals_leave_what_is_kept_unchanged() {
    let world = Payment::create(&created(false), Timestamp::MIN);
    for tried in [
        Try::Capture(5),
        Try::Refund { id: 1, amount: 5 },
        Try::Expire,
    ] {
        let event = world.event(&tried).expect("an event");
        let refused = world.clone().apply(&event, Timestamp::MIN);
        let expected = matches!(refused, Err(PayError::UnexpectedState { .. }));
        assert!(expected, "{tried:?}: {refused:?}");
    }
}
