use std::collections::BTreeMap;

use super::{
    booking,
    counts::Counts,
    error::AuditError,
    evening::{Arrivals, Evening},
    file::Family,
    findings::Findings,
    group::{self, Share},
    invariant::Invariant,
    ledger::Ledger,
    line,
    offer::Sales,
    order::Order,
    pass,
    payment::Payment,
    records::Records,
    work,
};

/// What an audit came to.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) counts: Counts,
    findings: Findings,
}

/// What is gathered from partitions one by one and held to each other at the end.
#[derive(Debug, Default)]
struct Evidence {
    counts: Counts,
    findings: Findings,
    arrivals: Arrivals,
    ledger: Ledger,
    orders: Vec<Order>,
    shares: Vec<Share>,
    sales: Sales,
}

impl Verdict {
    /// Audits an evening that is over.
    pub(super) fn on(records: &dyn Records, evening: &Evening) -> Result<Self, AuditError> {
        let mut evidence = Evidence::default();
        records.each("*", &mut |family| evidence.gather(family))?;
        work::check(records, evening, &mut evidence.findings)?;
        Ok(evidence.conclude(evening))
    }

    pub(super) fn holds(&self) -> bool {
        self.each().into_iter().all(|(_, holds)| holds)
    }

    /// Returns every invariant, and whether it holds.
    pub(super) fn each(&self) -> [(Invariant, bool); 9] {
        Invariant::ALL.map(|invariant| (invariant, self.findings.holds(invariant)))
    }

    /// Returns every invariant by its name.
    pub(super) fn invariants(&self) -> BTreeMap<Invariant, bool> {
        self.each().into()
    }

    /// Returns the violations found, as far as they are told.
    pub(super) fn findings(&self) -> Vec<&str> {
        self.findings.told()
    }
}

impl Evidence {
    fn gather(&mut self, family: &Family) -> Result<(), AuditError> {
        let (counts, findings) = (&mut self.counts, &mut self.findings);
        match family.kind() {
            "tick" => self.arrivals.tick(family, counts, findings)?,
            "line" => line::check(family, counts, findings)?,
            "pass" => pass::check(family, counts, findings)?,
            "offer" => self.sales.audit(family, counts, findings)?,
            "group" => self.shares.extend(group::audit(family, counts, findings)?),
            "order" => self.orders.push(Order::audit(family, counts, findings)?),
            "sandbox" => booking::copy(family, &mut self.ledger.books, counts, findings)?,
            "pay" => {
                let payment = Payment::audit(family, counts, findings)?;
                self.ledger.payments.extend(payment);
            }
            // Baskets, links and places keep no promise of the evening.
            _ => {}
        }
        Ok(())
    }

    fn conclude(mut self, evening: &Evening) -> Verdict {
        let findings = &mut self.findings;
        self.arrivals.check(evening, &mut self.counts, findings);
        self.ledger.reconcile(findings);
        let mut receipts = self.ledger.receipts(findings);
        for order in &self.orders {
            order.check(&mut receipts, findings);
        }
        for share in &self.shares {
            share.check(&mut receipts, &mut self.sales, findings);
        }
        receipts.check_rest(findings);
        self.sales.check_rest(findings);
        Verdict {
            counts: self.counts,
            findings: self.findings,
        }
    }
}
