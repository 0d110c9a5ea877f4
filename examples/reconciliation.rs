//! Holds a provider's settlement report against the journals, and finds what somebody has changed.
//!
//! ```sh
//! cargo run --example reconciliation
//! ```
//!
//! A stall sells for a day. The provider's report, read back from CSV, agrees with the journals to
//! the cent. Then one line is lost, one is there twice, one tells another amount, one is somebody
//! else's: each is found, and the sums say what it comes to.

use std::{error::Error, sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Scope, Timestamp,
    amount::{Currency, Money},
    clock::ManualClock,
    entropy::SeededEntropy,
    id::{AppId, IdempotencyKey, Name},
    store::MemoryStore,
};
use mp_pay::{
    Payments, SandboxBackend,
    backend::sandbox::Fees,
    method::PaymentMethodToken,
    payments::{ConfirmIntent, CreateIntent, RefundIntent},
    reconciliation::{
        Reconciliation, Report, Window,
        csv::{Mapping, ReportReader},
    },
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const OPENING: &str = "2026-11-21T00:00:00Z";

/// What the provider keeps of each charge: 1.4 % and 25 cents.
const FEES: Fees = Fees::new(14, 25);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let stall = Stall::open()?;
    stall.sell().await?;
    let written = stall.report().await?;
    println!(
        "The report as the provider writes it\n\n{}",
        stall.reconcile(&written).await?
    );
    let changed = with_mistakes(&written);
    println!(
        "\nThe same with four mistakes\n\n{}",
        stall.reconcile(&changed).await?
    );
    Ok(())
}

/// A stall, what it keeps its payments in, and its provider.
struct Stall {
    app: AppId,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    sandbox: SandboxBackend,
    payments: Payments,
}

impl Stall {
    fn open() -> Outcome<Self> {
        let store = Arc::new(MemoryStore::new());
        let opening: Timestamp = OPENING.parse()?;
        let clock = Arc::new(ManualClock::at(
            opening.plus(Duration::from_secs(17 * 60 * 60)),
        ));
        let engine = Engine::new(
            store.clone(),
            clock.clone(),
            Arc::new(SeededEntropy::new(7)),
        );
        let account: Name = "acme".parse()?;
        let sandbox = SandboxBackend::on(&engine, &account);
        let payments = Payments::new(&engine, Arc::new(sandbox.clone()));
        Ok(Self {
            app: "market".parse()?,
            store,
            clock,
            sandbox,
            payments,
        })
    }

    fn staff(&self) -> Caller {
        Caller::app(self.app.clone()).with_scope(Scope::STAFF)
    }

    /// Sells to four, and gives one of them something back.
    async fn sell(&self) -> Outcome<()> {
        let sales = [
            ("mei", Money::new(12_50, Currency::EUR)),
            ("bo", Money::new(80, Currency::EUR)),
            ("ana", Money::new(1_200, Currency::JPY)),
            ("kim", Money::new(19_900, Currency::EUR)),
        ];
        for (payer, amount) in sales {
            self.clock.advance(Duration::from_secs(60));
            self.sell_to(payer, amount).await?;
        }
        Ok(())
    }

    async fn sell_to(&self, payer: &str, amount: Money) -> Outcome<()> {
        let caller = Caller::user(self.app.clone(), payer.parse()?);
        let key: IdempotencyKey = "dumplings".parse()?;
        let order = CreateIntent::of(amount);
        let order = order.with_payment_method(PaymentMethodToken::new("pm_ok")?);
        let intent = self.payments.create_intent(&caller, order, &key).await?;
        let confirm = ConfirmIntent::of(intent.id);
        self.payments.confirm(&caller, confirm, &key).await?;
        if payer == "mei" {
            let part = Money::new(2_50, amount.currency());
            let refund = RefundIntent::of(intent.id).with_amount(part);
            self.payments.refund(&self.staff(), refund, &key).await?;
        }
        Ok(())
    }

    fn day(&self) -> Outcome<Window> {
        let opening: Timestamp = OPENING.parse()?;
        let closing = opening.plus(Duration::from_secs(24 * 60 * 60));
        Ok(Window::new(opening, closing)?)
    }

    /// Returns what the provider writes at the end of the day.
    async fn report(&self) -> Outcome<String> {
        let written = self.sandbox.settlement_report(&self.app, self.day()?, FEES);
        Ok(String::from_utf8(written.await?)?)
    }

    async fn reconcile(&self, written: &str) -> Outcome<Report> {
        let lines = ReportReader::new(written.as_bytes(), &Mapping::sandbox())?;
        let all = Reconciliation::new(&self.payments, self.day()?);
        let all = all.with_listing(self.store.clone());
        Ok(all.run(&self.staff(), lines).await?.report)
    }
}

/// Loses the refund, tells one charge twice and another otherwise, and adds one of somebody else's.
fn with_mistakes(written: &str) -> String {
    let mut rows: Vec<String> = written.lines().map(str::to_owned).collect();
    rows.retain(|row| !row.starts_with("refund,"));
    for row in &mut rows {
        *row = row.replace(",199.00,", ",119.00,");
    }
    let twice = rows.iter().find(|row| row.contains(",JPY,")).cloned();
    rows.extend(twice);
    rows.push("charge,,ch_of_the_next_stall,7.00,0.35,EUR,2026-11-21T19:00:00Z,".to_owned());
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_report_agrees_until_it_is_changed() {
        let stall = Stall::open().expect("opens");
        stall.sell().await.expect("sells");
        let written = stall.report().await.expect("writes");
        let report = stall.reconcile(&written).await.expect("reconciles");
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.matched, 5);

        let changed = with_mistakes(&written);
        let report = stall.reconcile(&changed).await.expect("reconciles");
        let found = [
            report.missing.count,
            report.extra.count,
            report.differing.count,
        ];
        assert_eq!(found, [1, 1, 2], "{report}");
        assert_eq!(
            report.totals[0].difference,
            Money::new(-70_50, Currency::EUR)
        );
        let broken = report.payouts.iter().map(|it| it.adds_up());
        assert_eq!(broken.collect::<Vec<_>>(), [Some(false), Some(false)]);
    }
}
