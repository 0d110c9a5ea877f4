use std::sync::Arc;

use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::SystemClock,
    entropy::SystemEntropy,
    host::Host,
    store::MemoryStore,
    work::{Worker, WorkerOptions},
};
use mp_examples::orders::{Menu, ORDER_READ, ORDER_WRITE, Orders};
use mp_pay::{
    Payments, PaymentsSettlement, SandboxBackend,
    method::{FixedMethods, PaymentMethodToken},
    payments::{PAY_READ, PAY_WRITE},
};

use super::{Outcome, endpoint::Sessions};

/// Orders and payments, joined: what can be asked of them, and what does the rest.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) host: Host,
    pub(crate) worker: Worker,
}

impl Market {
    pub(crate) fn open() -> Outcome<Self> {
        let engine = Engine::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy::new()),
        );
        let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
        let methods = FixedMethods::everybody(PaymentMethodToken::new("pm_ok")?);
        let settlement = Arc::new(PaymentsSettlement::new(&payments, Arc::new(methods)));
        let orders = Orders::new(&engine, settlement.clone(), menu()?);
        let host = Host::new(&engine)
            .with(orders.operations())?
            .with(payments.operations())?;
        let worker = Worker::new(&engine, WorkerOptions::default())
            .with(payments.handlers())
            .with(orders.handlers())
            .with(settlement.handlers(Arc::new(orders)));
        Ok(Self { host, worker })
    }
}

/// Who has a session: in a host of your own, whoever your login knows.
pub(crate) fn sessions() -> Outcome<Sessions> {
    Ok([("mei".to_owned(), mei()?), ("chen".to_owned(), stall()?)].into())
}

pub(crate) fn mei() -> Outcome<Caller> {
    Ok(Caller::user("market".parse()?, "mei".parse()?)
        .with_scope(ORDER_READ)
        .with_scope(ORDER_WRITE)
        .with_scope(PAY_READ)
        .with_scope(PAY_WRITE))
}

pub(crate) fn stall() -> Outcome<Caller> {
    Ok(Caller::user("market".parse()?, "chen".parse()?).with_scope(Scope::STAFF))
}

fn menu() -> Outcome<Menu> {
    let mut menu = Menu::new();
    for (item, title, price) in [
        ("beef", "Beef noodles", 18_000),
        ("plum", "Sour plum juice", 4_500),
    ] {
        let price = Money::new(price, Currency::TWD);
        menu = menu.with("noodles".parse()?, item.parse()?, title.parse()?, price)?;
    }
    Ok(menu)
}
