//! A payment backend of one's own, on this page: it takes vouchers at a desk, which stands in
//! `custom_backend/desk.rs`. It is held to every clause of the contract, and then takes a payment.
//!
//! ```sh
//! cargo run --example custom_backend
//! cargo test --example custom_backend
//! ```

#[path = "custom_backend/desk.rs"]
mod desk;
#[path = "custom_backend/payment.rs"]
mod payment;
#[cfg(test)]
#[path = "custom_backend/tests.rs"]
mod tests;

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::amount::{Currency, Money};
use mp_pay::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        DeclineCode, Lookup, LookupRequest, MinorUnits, Outcome, PaymentBackend, Reference, Rule,
    },
    conformance::{BackendFactory, Joined, check_all},
    operation::OperationKey,
};

use self::desk::{Desk, Line, LineError, PASSWORD, Reply, Request};

// The contract as tests of this program, one for each clause.
mp_pay::backend_conformance!(Desks);

/// Takes vouchers at a desk, which remembers every order's number for ever.
#[derive(Debug)]
struct VoucherBackend(Line);

/// The desk counts euros in cents, and nothing else.
const EUROS: MinorUnits = MinorUnits::only(&[Rule::as_iso("EUR")]);

impl VoucherBackend {
    /// Sends an order under the operation's key, and reads what became of it.
    async fn order(&self, key: &OperationKey, order: Request) -> Result<Outcome, BackendError> {
        let reply = self.0.send(key.to_string(), order).await;
        // What was not taken surely did not act; on a line that broke, anything may have happened.
        let kind = |error: &LineError| match error {
            LineError::NobodyThere | LineError::WrongPassword => BackendErrorKind::Unavailable,
            LineError::Broken => BackendErrorKind::Unknown,
        };
        let reply = reply.map_err(|error| failed(kind(&error), error))?;
        outcome(key, reply).map_err(|error| failed(BackendErrorKind::Unknown, error))
    }
}

/// Reads the desk's reply; it keeps no money that has no amount here.
fn outcome(key: &OperationKey, reply: Reply) -> Result<Outcome, Box<dyn Error + Send + Sync>> {
    Ok(match reply {
        Reply::Done { cents: 0 } => Outcome::settled(Reference::new(key.to_string())?),
        Reply::Done { cents } => Outcome::settled(Reference::new(key.to_string())?)
            .with_amount(EUROS.from_wire(cents, Currency::EUR)?),
        Reply::Refused(code) => Outcome::declined(DeclineCode::new(code)?),
        Reply::NoSuchOrder => Outcome::Unknown,
    })
}

fn failed(kind: BackendErrorKind, why: impl Into<Box<dyn Error + Send + Sync>>) -> BackendError {
    BackendError::new(kind, "order", why)
}

fn never<T>(why: &'static str) -> Result<T, BackendError> {
    Err(failed(BackendErrorKind::Unsupported, why))
}

#[async_trait]
impl PaymentBackend for VoucherBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::neither()
            .with_replay(Duration::from_hours(24 * 365))
            .with_queries()
            .without_separate_capture()
            .without_partial_capture()
            .with_increases(0)
            .with_next_actions(&[])
            .with_minor_units(EUROS)
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        let (true, Ok(cents)) = (request.capture, EUROS.to_wire(request.amount)) else {
            return never("vouchers hold no money, and are in euros");
        };
        let voucher = request.payment_method.as_str().to_owned();
        self.order(&request.key, Request::Pay { voucher, cents })
            .await
    }

    async fn capture(&self, _: &CaptureRequest) -> Result<Outcome, BackendError> {
        never("vouchers hold no money")
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        let paid = charge.key.to_string();
        self.order(key, Request::Cancel { paid }).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        let Ok(cents) = EUROS.to_wire(amount) else {
            return never("vouchers are in euros");
        };
        let paid = charge.key.to_string();
        self.order(key, Request::Refund { paid, cents }).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        Ok(match self.order(&request.key, Request::Ask).await {
            // A request may still be on its way: the desk cannot know what has not arrived. And who
            // is told nothing, be it for a wrong password, knows nothing.
            Err(_) | Ok(Outcome::Unknown) => Lookup::CannotTell,
            Ok(outcome) => Lookup::Found(outcome),
        })
    }
}

/// Opens a desk for each clause, and a backend with a line to it.
#[derive(Debug)]
struct Desks;

#[async_trait]
impl BackendFactory for Desks {
    async fn open(&self) -> Joined {
        let desk = Desk::with_voucher("voucher-1", 100_000);
        Joined::new(
            Arc::new(VoucherBackend(desk.line(PASSWORD))),
            Arc::new(desk),
        )
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let report = check_all(&Desks).await;
    println!("A backend that takes vouchers, clause by clause:\n\n{report}\n");
    payment::show(Desks.open().await).await
}
