mod days;
mod defects;
mod golden;
mod lines;
mod payment;

use std::time::Duration;

use mp_core::{
    Error, Timestamp,
    amount::{Currency, Money},
};

use super::{Expected, LineKind, Reconciled, Reconciler, ReportLine, Subject, Window};
use crate::{
    backend::Reference,
    dispute::DisputeId,
    intent::IntentId,
    operation::{OperationKey, Step},
    refund::RefundId,
};

const NOON: u64 = 12 * 60 * 60;
const DAY: u64 = 24 * 60 * 60;

const fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn day(number: u64) -> Window {
    Window::new(at(number * DAY), at((number + 1) * DAY)).expect("a day")
}

fn intent(number: u8) -> IntentId {
    IntentId::at(1_700_000_000_000, [number; 10])
}

fn key(number: u8, step: Step) -> OperationKey {
    let intent = intent(number);
    OperationKey { intent, step }
}

fn refund(number: u8) -> Step {
    Step::Refund(RefundId::at(1_700_000_000_000, [number; 10]))
}

fn dispute(number: u8) -> Subject {
    Subject::dispute(
        intent(number),
        DisputeId::at(1_700_000_000_000, [number; 10]),
    )
}

fn named(text: &str) -> Reference {
    Reference::new(text).expect("a reference")
}

/// Returns a movement at noon of the first day.
fn moved(key: OperationKey, kind: LineKind, amount: Money) -> Expected {
    Expected::moved(Subject::Operation(key), kind, amount, at(NOON))
}

fn line(number: u64, kind: LineKind, amount: Money) -> ReportLine {
    ReportLine::new(number, kind, amount)
}

/// Reconciles the first day, of which nothing was told before.
fn reconcile(
    expected: impl IntoIterator<Item = Expected>,
    lines: impl IntoIterator<Item = ReportLine>,
) -> Result<Reconciled, Error> {
    let mut reconciler = Reconciler::new(day(0), None);
    expected.into_iter().for_each(|it| reconciler.expect(it));
    lines.into_iter().try_for_each(|it| reconciler.take(it))?;
    reconciler.finish()
}
