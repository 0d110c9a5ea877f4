use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine,
    amount::Money,
    clock::SystemClock,
    engine::Planned,
    entropy::SystemEntropy,
    id::IdempotencyKey,
    store::{Batch, Partition, Store},
};
use mp_pay::{
    Payments, SandboxBackend,
    intent::IntentId,
    method::PaymentMethodToken,
    payments::{ConfirmIntent, CreateIntent},
};

/// What a customer asks for.
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) customer: &'static str,
    pub(crate) amount: Money,
}

/// Whether the shop dies over an order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dies {
    Never,
    BeforeCommit,
}

/// A row of the shop's own table.
pub(crate) struct Row {
    pub(crate) number: i64,
    pub(crate) customer: String,
    pub(crate) intent: String,
}

/// The shop's own table, and our store on the same database.
#[async_trait]
pub(crate) trait Table: Send {
    fn store(&self) -> Arc<dyn Store>;

    /// Writes a row and a batch in one transaction.
    async fn insert(
        &mut self,
        row: &Row,
        partition: &Partition,
        batch: &Batch,
        dies: Dies,
    ) -> Result<(), Box<dyn Error>>;

    async fn rows(&mut self) -> Result<Vec<Row>, Box<dyn Error>>;
}

pub(crate) struct Shop<T> {
    pub(crate) table: T,
    payments: Payments,
}

impl<T: Table> Shop<T> {
    pub(crate) fn new(table: T) -> Self {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
        let engine = Engine::new(table.store(), clock, entropy);
        let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
        Self { table, payments }
    }

    /// Places an order, once, however often it is asked for.
    pub(crate) async fn place(&mut self, order: &Order, dies: Dies) -> Result<(), Box<dyn Error>> {
        let Planned {
            answer: intent,
            partition,
            batch,
        } = self.plan(order).await?;
        // Asked before, and then the row is there too.
        let Some(batch) = batch else { return Ok(()) };
        let row = Row {
            number: order.number,
            customer: order.customer.to_owned(),
            intent: intent.to_string(),
        };
        self.table.insert(&row, &partition, &batch, dies).await
    }

    pub(crate) async fn plan(&self, order: &Order) -> Result<Planned<IntentId>, Box<dyn Error>> {
        let customer = caller(order.customer)?;
        let key: IdempotencyKey = format!("order-{}", order.number).parse()?;
        let method = PaymentMethodToken::new("pm_ok")?;
        let request = CreateIntent::of(order.amount).with_payment_method(method);
        let planned = self.payments.plan_create_intent(&customer, request, &key);
        Ok(planned.await?)
    }

    pub(crate) async fn pay(&mut self, customer: &str) -> Result<(), Box<dyn Error>> {
        for row in self.table.rows().await? {
            if row.customer == customer {
                let intent: IntentId = row.intent.parse()?;
                let key = format!("pay-{}", row.number).parse()?;
                let confirm = ConfirmIntent::of(intent);
                let (payments, caller) = (&self.payments, caller(customer)?);
                payments.confirm(&caller, confirm, &key).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn show(&mut self) -> Result<(), Box<dyn Error>> {
        println!("\n  the shop's table `orders`      our intent");
        for row in self.table.rows().await? {
            let intent = row.intent.parse()?;
            let customer = caller(&row.customer)?;
            let intent = self.payments.intent(&customer, intent).await?;
            println!("  {row}   {} {:?}", intent.amount, intent.status);
        }
        println!();
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.intent.len().min(12);
        write!(
            f,
            "{:>3}  {:<8} {}…",
            self.number,
            self.customer,
            &self.intent[..end]
        )
    }
}

fn caller(customer: &str) -> Result<Caller, Box<dyn Error>> {
    Ok(Caller::user("shop".parse()?, customer.parse()?))
}
