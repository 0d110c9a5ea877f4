//! A payment through the backend, as any host makes it.

use std::{error::Error, sync::Arc};

use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::SystemClock,
    entropy::SystemEntropy,
    store::MemoryStore,
};
use mp_pay::{
    Payments,
    conformance::Joined,
    payments::{ConfirmIntent, CreateIntent, RefundIntent},
};

/// Pays an order, gives a part of it back, and looks into the provider's books.
pub(crate) async fn show(joined: Joined) -> Result<(), Box<dyn Error>> {
    let provider = joined.provider;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
    let engine = Engine::new(Arc::new(MemoryStore::new()), clock, entropy);
    let payments = Payments::new(&engine, joined.backend);
    let mei = Caller::user("market".parse()?, "mei".parse()?);
    let stall = Caller::app("market".parse()?).with_scope(Scope::STAFF);

    let order =
        CreateIntent::of(Money::new(12_50, Currency::EUR)).with_payment_method(provider.accepted());
    let intent = payments
        .create_intent(&mei, order, &"order-17".parse()?)
        .await?;
    let confirm = ConfirmIntent::of(intent.id);
    let paid = payments
        .confirm(&mei, confirm, &"order-17".parse()?)
        .await?;
    println!(
        "Mei pays {} with a voucher: {:?}.",
        paid.amount, paid.status
    );

    let part = RefundIntent::of(intent.id).with_amount(Money::new(2_50, Currency::EUR));
    let refund = payments
        .refund(&stall, part, &"order-17-cold".parse()?)
        .await?;
    let (amount, stage) = (refund.amount, refund.operation.stage);
    println!("The stall gives {amount} back: {stage:?}.");
    if let Some(taken) = provider.taken(Currency::EUR).await {
        println!("By its own books, the desk has taken {taken}.");
    }
    Ok(())
}
