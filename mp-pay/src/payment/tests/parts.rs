//! Refunds between the captures of a hold, beside a model that only counts.

use super::*;

/// What is tried on a hold of [`AMOUNT`].
#[derive(Clone, Copy, Debug)]
enum Part {
    Capture(i64),
    Refund(i64),
    /// What is open and comes at this place is told to have happened, or not.
    End(usize, bool),
}

/// An amount that was asked for, and how it ended.
#[derive(Clone, Copy, Debug)]
struct Asked {
    step: Step,
    amount: i64,
    happened: Option<bool>,
}

/// The hold as somebody counts it who knows nothing of states.
#[derive(Debug, Default)]
struct Model(Vec<Asked>);

impl Model {
    fn sum(&self, refunds: bool, counts: impl Fn(Option<bool>) -> bool) -> i64 {
        let is_refund = |asked: &Asked| matches!(asked.step, Step::Refund(_));
        let like = self.0.iter().filter(|asked| is_refund(asked) == refunds);
        let counted = like.filter(|asked| counts(asked.happened));
        counted.map(|asked| asked.amount).sum()
    }

    /// Returns what was captured and is claimed by no refund.
    fn refundable(&self) -> i64 {
        let captured = self.sum(false, |happened| happened == Some(true));
        captured - self.sum(true, |happened| happened != Some(false))
    }
}

fn parts() -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => (1..50_i64).prop_map(Part::Capture),
        4 => (-2..60_i64).prop_map(Part::Refund),
        5 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(at, done)| Part::End(at, done)),
    ]
}

fn observed(step: Step, what: u8) -> Event {
    let intent = IntentId::from_bytes([7; 16]);
    Event::Observed {
        operation: OperationKey { intent, step },
        outcome: outcome(what),
        source: Source::Call,
    }
}

fn hold() -> Payment {
    let mut payment = Payment::create(&created(false), Timestamp::MIN);
    let confirm = Try::Confirm { capture: false };
    let confirmed = payment.event(&confirm).expect("an event");
    for event in [confirmed, observed(Step::Charge(1), 1)] {
        payment.apply(&event, Timestamp::MIN).expect("is legal");
    }
    payment
}

impl Model {
    fn capture(&mut self, payment: &mut Payment, amount: i64) {
        let asked = payment.event(&Try::Capture {
            amount,
            last: false,
        });
        let number = payment.live().map_or(0, |live| live.captures.len()) + 1;
        let asked = payment.apply(&asked.expect("an event"), Timestamp::MIN);
        if asked.is_ok() {
            let step = Step::Capture(1, number as u32);
            let happened = None;
            self.0.push(Asked {
                step,
                amount,
                happened,
            });
        }
    }

    /// Returns whether the refund was taken.
    fn refund(&mut self, payment: &mut Payment, amount: i64) -> bool {
        let id = payment.refunds.len() as u8;
        let asked = payment.event(&Try::Refund { id, amount });
        let asked = payment.apply(&asked.expect("an event"), Timestamp::MIN);
        if asked.is_ok() {
            let step = Step::Refund(RefundId::from_bytes([id; 16]));
            let happened = None;
            self.0.push(Asked {
                step,
                amount,
                happened,
            });
        }
        asked.is_ok()
    }

    fn end(&mut self, payment: &mut Payment, at: usize, happens: bool) {
        let mut open: Vec<&mut Asked> = self
            .0
            .iter_mut()
            .filter(|asked| asked.happened.is_none())
            .collect();
        let Some(at) = at.checked_rem(open.len()) else {
            return;
        };
        open[at].happened = Some(happens);
        let told = observed(open[at].step, if happens { 0 } else { 2 });
        let late = LateSuccess::Return;
        let ended = payment.follow(&told, late, Timestamp::MIN);
        ended.expect("an observation is never refused");
    }
}

proptest! {
    #[test]
    fn between_captures_as_much_can_be_refunded_as_was_captured_and_no_more(
        parts in proptest::collection::vec(parts(), 1..40),
    ) {
        let (mut payment, mut model) = (hold(), Model::default());
        for part in parts {
            match part {
                Part::Capture(amount) => model.capture(&mut payment, amount),
                Part::Refund(amount) => {
                    let fits = (1..=model.refundable()).contains(&amount);
                    let taken = model.refund(&mut payment, amount);
                    prop_assert_eq!(taken, fits, "{:?} of {:?}", part, model);
                }
                Part::End(at, happens) => model.end(&mut payment, at, happens),
            }
            let refundable = payment.intent.amount_refundable().minor();
            prop_assert_eq!(refundable, model.refundable(), "{:?}", model);
        }
    }
}

#[test]
fn money_is_given_back_in_every_state_that_has_some_and_in_no_other() {
    let part = |happens: Option<bool>| {
        let (mut payment, mut model) = (hold(), Model::default());
        model.capture(&mut payment, 30);
        if let Some(happens) = happens {
            model.end(&mut payment, 0, happens);
        }
        payment
    };
    let mut further = part(Some(true));
    Model::default().capture(&mut further, 20);
    for (mut payment, status, fits) in [
        (hold(), IntentStatus::RequiresCapture, false),
        (part(None), IntentStatus::Processing, false),
        (part(Some(false)), IntentStatus::RequiresCapture, false),
        (part(Some(true)), IntentStatus::RequiresCapture, true),
        (further, IntentStatus::Processing, true),
    ] {
        assert_eq!(payment.intent.status, status);
        let before = payment.clone();
        let given = Model::default().refund(&mut payment, 30);
        assert_eq!(given, fits, "{before:?}");
        assert_eq!(payment.intent.status, status, "a refund moves no status");
        assert!(
            given || payment == before,
            "what is refused changes nothing"
        );
    }
}
