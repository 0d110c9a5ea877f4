use serde::Deserialize;

use super::{
    counts::Counts, error::AuditError, file::Family, findings::Findings,
    invariant::Invariant::EveryEffectOnce, ledger::Receipts, money::Cents,
};

/// An order, and what it should have cost.
#[derive(Debug)]
pub(super) struct Order {
    partition: String,
    id: String,
    state: String,
    total: i64,
}

#[derive(Deserialize)]
struct Root {
    state: String,
    total: Cents,
    lines: Vec<Dish>,
}

#[derive(Deserialize)]
struct Dish {
    price: Cents,
    count: i64,
}

impl Order {
    /// Reads an order, and adds its lines up again.
    pub(super) fn audit(
        family: &Family,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> Result<Self, AuditError> {
        let root: Root = family.root()?;
        let total = root
            .lines
            .iter()
            .map(|dish| dish.price.0 * dish.count)
            .sum();
        let kept = root.total.0;
        let problem = format_args!("its total is {kept} cents, and its lines cost {total}");
        findings.expect(kept == total, EveryEffectOnce, &family.partition, problem);
        counts.orders += 1;
        let order = Self {
            partition: family.partition.clone(),
            id: family.id().to_owned(),
            state: root.state,
            total,
        };
        counts.orders_paid += u64::from(order.is_kept());
        counts.orders_returned += u64::from(order.state == "returned");
        Ok(order)
    }

    /// Returns whether it was paid for and not taken back.
    fn is_kept(&self) -> bool {
        matches!(
            self.state.as_str(),
            "paid" | "fulfilled" | "return_requested"
        )
    }

    /// Holds the order to what the provider took for it: its total, once, if it was ever paid, and
    /// all of it back if it was returned; else nothing that was not given back.
    pub(super) fn check(&self, receipts: &mut Receipts, findings: &mut Findings) {
        let paid = receipts.take(&self.id);
        let once = paid.taken == [self.total];
        let right = match self.state.as_str() {
            "returned" => once && paid.given_back == self.total,
            _ if self.is_kept() => once && paid.given_back == 0,
            _ => paid.kept() == 0,
        };
        let problem = format_args!(
            "it is {} and costs {} cents; the provider took {:?} for it and gave {} back",
            self.state, self.total, paid.taken, paid.given_back
        );
        findings.expect(right, EveryEffectOnce, &self.partition, problem);
    }
}
