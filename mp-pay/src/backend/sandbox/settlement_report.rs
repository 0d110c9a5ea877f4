//! The sandbox's own settlement report, as CSV.

use std::collections::BTreeMap;

use csv::Writer;
use mp_core::{
    Error, ErrorKind, Timestamp,
    amount::{Amount, Currency, Money, Rounding},
    id::AppId,
};

use super::{Movement, SandboxBackend, name};
use crate::{operation::Step, reconciliation::Window};

/// What the sandbox keeps of each charge and capture; of refunds it keeps nothing and returns
/// nothing, as Stripe does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fees {
    /// Of a thousand, rounded half to even.
    pub per_mille: u16,
    /// In minor units, on top of that.
    pub fixed: u32,
}

impl Fees {
    /// Keeps so much of a thousand, and so many minor units on top.
    #[must_use]
    pub const fn new(per_mille: u16, fixed: u32) -> Self {
        Self { per_mille, fixed }
    }

    fn of(self, movement: &Movement) -> Result<i64, Error> {
        if !matches!(movement.operation.step, Step::Charge(_) | Step::Capture(..)) {
            return Ok(0);
        }
        let share = movement
            .amount
            .checked_ratio(self.per_mille.into(), 1_000, Rounding::HalfEven);
        let share = share.map_err(|error| too_much().with_source(error))?;
        Ok(share.minor().saturating_add(self.fixed.into()))
    }
}

const COLUMNS: [&str; 8] = [
    "kind",
    "key",
    "reference",
    "amount",
    "fee",
    "currency",
    "at",
    "payout",
];

impl SandboxBackend {
    /// Writes the settlement report of an app for a time: each movement on a line, and what is paid
    /// out for them on the last lines, one for each currency.
    ///
    /// It is CSV with the columns `kind,key,reference,amount,fee,currency,at,payout`, as
    /// [`Mapping::sandbox`](crate::reconciliation::csv::Mapping::sandbox) reads it: decimal amounts
    /// that are above zero for what came in, and times of RFC 3339.
    ///
    /// # Errors
    ///
    /// The store's errors; `invalid_field` if the sums are beyond what an amount can be.
    pub async fn settlement_report(
        &self,
        app: &AppId,
        window: Window,
        fees: Fees,
    ) -> Result<Vec<u8>, Error> {
        let movements = self.movements(app).await?;
        let mut paper = Paper::new(window)?;
        let mut times = BTreeMap::new();
        for movement in &movements {
            let number = times.entry(movement.operation).or_insert(0_usize);
            if (window.from()..window.until()).contains(&movement.at) {
                paper.movement(movement, *number, fees.of(movement)?)?;
            }
            *number += 1;
        }
        paper.pay_out()
    }
}

struct Paper {
    rows: Writer<Vec<u8>>,
    until: Timestamp,
    /// What is to be paid out.
    balances: BTreeMap<Currency, i64>,
}

impl Paper {
    fn new(window: Window) -> Result<Self, Error> {
        let mut rows = Writer::from_writer(Vec::new());
        rows.write_record(COLUMNS).map_err(unwritten)?;
        Ok(Self {
            rows,
            until: window.until(),
            balances: BTreeMap::new(),
        })
    }

    fn movement(&mut self, movement: &Movement, number: usize, fee: i64) -> Result<(), Error> {
        let currency = movement.amount.currency();
        let balance = self.balances.entry(currency).or_default();
        let net = movement.amount.minor().checked_sub(fee);
        *balance = net
            .and_then(|net| balance.checked_add(net))
            .ok_or_else(too_much)?;
        let kind = match movement.operation.step {
            Step::Charge(_) => "charge",
            Step::Capture(..) => "capture",
            _ => "refund",
        };
        let key = movement.operation.to_string();
        let name = name::of(movement.operation, number);
        let reference = name.map(String::from).unwrap_or_default();
        let payout = self.payout(currency);
        self.row(
            [kind, &key, &reference],
            movement.amount,
            fee,
            movement.at,
            &payout,
        )
    }

    fn pay_out(mut self) -> Result<Vec<u8>, Error> {
        for (currency, balance) in std::mem::take(&mut self.balances) {
            let payout = self.payout(currency);
            let paid = balance.checked_neg().ok_or_else(too_much)?;
            let paid = Money::new(paid, currency);
            self.row(["payout", "", &payout], paid, 0, self.until, &payout)?;
        }
        let bytes = self.rows.into_inner();
        bytes.map_err(|error| unwritten(error.into_error().into()))
    }

    fn row(
        &mut self,
        [kind, key, reference]: [&str; 3],
        amount: Money,
        fee: i64,
        at: Timestamp,
        payout: &str,
    ) -> Result<(), Error> {
        let currency = amount.currency();
        let written = self.rows.write_record([
            kind,
            key,
            reference,
            &Amount::from(amount).to_decimal(),
            &Amount::new(fee, currency).to_decimal(),
            currency.code(),
            &at.to_string(),
            payout,
        ]);
        written.map_err(unwritten)
    }

    fn payout(&self, currency: Currency) -> String {
        format!("sb_po_{}_{currency}", self.until.as_millis())
    }
}

fn unwritten(error: csv::Error) -> Error {
    let message = "the settlement report cannot be written";
    Error::new(ErrorKind::Unavailable, "unavailable", message).with_source(error)
}

fn too_much() -> Error {
    Error::invalid("report", "adds up to more than an amount can be")
}
