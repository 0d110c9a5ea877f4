use std::collections::{BTreeMap, BTreeSet};

use super::{
    booking::{Booking, Books},
    findings::Findings,
    invariant::Invariant::{EveryEffectOnce, MoneyInEqualsMoneyOut, NoPayerWithoutSeatOrRefund},
    operation::Operation,
    payment::Payment,
};

/// Both sides of every payment: what our journals say, and what the provider's books say.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) payments: Vec<Payment>,
    pub(super) books: Books,
}

/// What the provider has of somebody under one settlement key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Paid {
    /// Where our side of it stands.
    pub(super) partition: String,
    /// What was taken, one entry for each time.
    pub(super) taken: Vec<i64>,
    pub(super) given_back: i64,
}

impl Paid {
    /// Returns what the provider has kept.
    pub(super) fn kept(&self) -> i64 {
        self.taken.iter().sum::<i64>() - self.given_back
    }
}

/// What the provider has, by settlement key, as far as nobody has accounted for it yet.
#[derive(Debug, Default)]
pub(super) struct Receipts(BTreeMap<String, Paid>);

impl Ledger {
    /// Holds our journals and the provider's books to each other, operation by operation.
    pub(super) fn reconcile(&self, findings: &mut Findings) {
        let mut ours = BTreeSet::new();
        for payment in &self.payments {
            for (key, operation) in &payment.operations {
                ours.insert(key);
                match self.books.get(key) {
                    Some(booking) => compare(key, operation, payment, booking, findings),
                    None => missing(key, operation, payment, findings),
                }
            }
        }
        let foreign = self.books.iter().filter(|(key, _)| !ours.contains(key));
        for (key, booking) in foreign {
            let moved: i64 = booking.movements.iter().sum();
            let problem = format_args!("the provider moved {moved} cents for {key}, never planned");
            findings.add(EveryEffectOnce, &booking.partition, problem);
            let problem = format_args!("{moved} cents moved for {key}, and no journal has it");
            findings.expect(
                moved == 0,
                MoneyInEqualsMoneyOut,
                &booking.partition,
                problem,
            );
        }
    }

    /// Returns what the provider's books show for every settlement that was asked for.
    pub(super) fn receipts(&self, findings: &mut Findings) -> Receipts {
        let mut receipts = BTreeMap::new();
        for payment in &self.payments {
            let Some(key) = &payment.settlement else {
                continue;
            };
            let paid = self.paid(payment);
            if let Some(other) = receipts.insert(key.clone(), paid) {
                let problem = format_args!("{key} is paid for in {} as well", other.partition);
                findings.add(EveryEffectOnce, &payment.partition, problem);
            }
        }
        Receipts(receipts)
    }

    fn paid(&self, payment: &Payment) -> Paid {
        let mut paid = Paid {
            partition: payment.partition.clone(),
            ..Paid::default()
        };
        let bookings = payment
            .operations
            .keys()
            .filter_map(|key| self.books.get(key));
        for moved in bookings.flat_map(|booking| &booking.movements) {
            if *moved > 0 {
                paid.taken.push(*moved);
            } else {
                paid.given_back -= moved;
            }
        }
        paid
    }
}

impl Receipts {
    /// Takes out what was paid under a key.
    pub(super) fn take(&mut self, key: &str) -> Paid {
        self.0.remove(key).unwrap_or_default()
    }

    /// Finds money that was kept for nothing that anybody knows of.
    pub(super) fn check_rest(&self, findings: &mut Findings) {
        for (key, paid) in self.0.iter().filter(|(_, paid)| paid.kept() != 0) {
            let kept = paid.kept();
            let problem = format_args!("{kept} cents are kept for {key}, which nobody has");
            findings.add(NoPayerWithoutSeatOrRefund, &paid.partition, problem);
        }
    }
}

fn compare(
    key: &str,
    operation: &Operation,
    payment: &Payment,
    booking: &Booking,
    findings: &mut Findings,
) {
    let partition = &booking.partition;
    let times = booking.movements.len();
    let problem = format_args!("the provider moved money for {key} {times} times");
    findings.expect(times <= 1, EveryEffectOnce, partition, problem);
    let (calls, sent) = (booking.calls, operation.sent);
    let problem = format_args!("the provider was called {calls} times for {key}, planned {sent}");
    findings.expect(calls <= sent, EveryEffectOnce, partition, problem);
    let (ours, theirs) = (operation.moved(), booking.movements.iter().sum::<i64>());
    let problem = format_args!(
        "the journal has {ours} cents moved for {key}, and the provider's books {theirs}"
    );
    findings.expect(
        ours == theirs,
        MoneyInEqualsMoneyOut,
        &payment.partition,
        problem,
    );
}

fn missing(key: &str, operation: &Operation, payment: &Payment, findings: &mut Findings) {
    let moved = operation.moved();
    let problem = format_args!("{moved} cents moved for {key}, which the provider does not know");
    findings.expect(
        moved == 0,
        MoneyInEqualsMoneyOut,
        &payment.partition,
        problem,
    );
}
