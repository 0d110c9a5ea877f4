use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, Timestamp,
    amount::{Currency, Money},
    clock::ManualClock,
    entropy::SeededEntropy,
    host::{Host, Operation, probe::CountingStore},
    id::{AppId, UserId},
    port::{Notification, Notifier},
    sign::{KeyId, KeyRing, Secret},
    store::MemoryStore,
};
use mp_examples::orders::{Menu, Orders};
use mp_location::{Places, PlacesOptions};
use mp_pay::{
    Passes, Payments, PaymentsSettlement, SandboxBackend,
    ledger::Ledger,
    method::{PaymentMethod, PaymentMethodToken, PaymentMethods},
    pass::Program,
    payout::{FixedDestinations, Payouts},
    webhook::Webhooks,
};
use mp_queue::{QueueOptions, Queues};
use mp_share::{Groups, Links, Offers};
use serde_json::Value;

use super::{
    bank::Bank,
    contents::Contents,
    example::Example,
    intake::{self, Intake},
    setup::{Setup, operation},
    table,
};

/// A host with everything that there is, things that the examples are about, and the examples.
///
/// Two worlds are alike to the last byte, so that answers of one can be compared with those of
/// another.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) store: Arc<CountingStore>,
    pub(crate) examples: Vec<Example>,
    memory: Arc<MemoryStore>,
    intake: Intake,
}

impl World {
    /// Sets up what the operations of one capability are about; setting up everything each time
    /// would take most of the test's time.
    pub(crate) async fn about(operation: &str) -> Self {
        let mut world = Self::bare();
        let waiting = world.intake.fill().await;
        let setup = Setup::on(&world.host, waiting);
        world.examples = table::about(&setup, operation).await;
        world
    }

    /// Sets up everything.
    pub(crate) async fn whole() -> Self {
        let mut world = Self::bare();
        let waiting = world.intake.fill().await;
        let setup = Setup::on(&world.host, waiting);
        world.examples = table::whole(&setup).await;
        world
    }

    fn bare() -> Self {
        let memory = Arc::new(MemoryStore::new());
        let store = Arc::new(CountingStore::new(memory.clone()));
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let engine = Engine::new(store.clone(), clock, Arc::new(SeededEntropy::new(1)));
        let (bank, payments) = bank(&engine);
        let webhooks = intake::webhooks(&engine, &payments);
        Self {
            host: host(&engine, bank, &payments, &webhooks),
            intake: Intake::new(&engine, webhooks),
            store,
            examples: Vec::new(),
            memory,
        }
    }

    pub(crate) fn operation(&self, name: &str) -> &Operation {
        operation(&self.host, name)
    }

    pub(crate) fn example(&self, name: &str) -> &Example {
        let found = self.examples.iter().find(|each| each.operation == name);
        found.unwrap_or_else(|| panic!("{name} has no example: write one in the table"))
    }

    pub(crate) async fn call(
        &self,
        caller: &Caller,
        name: &str,
        input: Value,
    ) -> Result<Value, Error> {
        self.host.call(caller, name, input).await
    }

    pub(crate) async fn contents(&self) -> Contents {
        Contents::of(&*self.memory).await
    }
}

/// Makes payments with a bank whose books stand in the same store, so that money that moves is seen
/// there too.
fn bank(engine: &Engine) -> (Arc<Bank>, Payments) {
    let bank = SandboxBackend::on(engine, &"bank".parse().expect("a name"));
    let bank = Arc::new(Bank(bank));
    (bank.clone(), Payments::new(engine, bank))
}

/// Joins the services as a host does.
fn host(engine: &Engine, bank: Arc<Bank>, payments: &Payments, webhooks: &Webhooks) -> Host {
    let settlement = Arc::new(PaymentsSettlement::new(payments, Arc::new(Wallets)));
    let offers = Offers::new(engine);
    let groups = Groups::new(engine, offers, settlement.clone(), Arc::new(Silent));
    let links = Links::new(engine, key_ring(), "https://m.example/").expect("a base URL");
    let orders = Orders::new(engine, settlement, menu());
    let operations = [
        payments.operations(),
        webhooks.operations(),
        Payouts::new(engine, bank, Arc::new(accounts())).operations(),
        passes(engine).operations(),
        Ledger::new(engine).operations(),
        groups.operations(),
        links.operations(),
        Queues::new(engine, &QueueOptions::default()).operations(),
        Places::new(engine, &PlacesOptions::default()).operations(),
        orders.operations(),
    ];
    let host = Host::new(engine).with(operations.into_iter().flatten());
    host.expect("every name is free and every input strict")
}

fn passes(engine: &Engine) -> Passes {
    let program = |name: &str| Program::new(name.parse().expect("a name"), 10).expect("a program");
    let passes = Passes::new(engine);
    ["coffee", "tea", "cake"]
        .into_iter()
        .fold(passes, |passes, name| passes.with(program(name)))
}

fn menu() -> Menu {
    let dish = |menu: Menu, (shop, item): (&str, &str)| {
        let names = (shop.parse().expect("a name"), item.parse().expect("a name"));
        let title = item.parse().expect("a label");
        menu.with(names.0, names.1, title, Money::new(78_00, Currency::HKD))
            .expect("a dish")
    };
    let dishes = [("noodles", "beef"), ("noodles", "greens")];
    dishes.into_iter().fold(Menu::new(), dish)
}

fn accounts() -> FixedDestinations {
    let mei = "mei".parse().expect("a user");
    FixedDestinations::default().with(mei, "acct_mei".parse().expect("a destination"))
}

fn key_ring() -> KeyRing {
    let secret = Secret::new([7; 32]).expect("32 bytes");
    KeyRing::new(KeyId::new(1).expect("below 16"), &secret)
}

/// Everybody pays with a card that works.
#[derive(Debug)]
struct Wallets;

#[async_trait]
impl PaymentMethods for Wallets {
    async fn method_of(&self, _: &AppId, _: &UserId) -> Result<Option<PaymentMethod>, Error> {
        Ok(Some(PaymentMethodToken::new("pm_ok")?.into()))
    }
}

/// Tells nobody anything.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Notifier for Silent {
    async fn notify(&self, _: &Notification) -> Result<(), Error> {
        Ok(())
    }
}
