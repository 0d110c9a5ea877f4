use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Engine, Error, Scope,
    amount::{Currency, Money},
    clock::ManualClock,
    entropy::SystemEntropy,
    id::{AppId, UserId},
    port::Destination,
    store::MemoryStore,
    work::{DeadLetters, Worker, WorkerOptions},
};
use mp_pay::{
    Payments, PaymentsSettlement, SandboxBackend,
    method::{FixedMethods, PaymentMethodToken},
    payout::{FixedDestinations, Payouts},
};

#[cfg(test)]
use mp_core::{
    Timestamp,
    store::{DueQuery, SlotSet},
};

use super::{
    errand::{Errand, ErrandId, Order},
    errands::{BRING, Errands},
    fuse::Fuse,
};

/// What a dish costs, and what is paid for bringing it.
pub(crate) const ORDER: Order = Order {
    price: Money::new(18_00, Currency::EUR),
    wage: Money::new(4_50, Currency::EUR),
};

/// What outlives a process: the clock, the market's store and the payment provider's.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) clock: Arc<ManualClock>,
    market: Arc<MemoryStore>,
    provider: Arc<MemoryStore>,
    card: &'static str,
}

/// The joined services of one process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) fuse: Arc<Fuse>,
    errands: Errands,
    provider: SandboxBackend,
    engine: Engine,
    worker: Worker,
    clock: Arc<ManualClock>,
}

/// What has moved at the provider, movement by movement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) taken: Vec<Money>,
    pub(crate) paid: Vec<Money>,
}

impl Outside {
    /// Opens a market whose customers pay with this card; the tokens tell the sandbox how to behave.
    pub(crate) fn paying_with(card: &'static str) -> Result<Self, Error> {
        let opening = "2026-11-21T18:00:00Z".parse();
        let opening =
            opening.map_err(|error| Error::invalid("opening", "is no time").with_source(error))?;
        Ok(Self {
            clock: Arc::new(ManualClock::at(opening)),
            market: Arc::default(),
            provider: Arc::default(),
            card,
        })
    }

    /// Starts a process, which ends when the fuse blows; the courier's money goes to `account`.
    pub(crate) fn start(&self, fuse: Arc<Fuse>, account: &str) -> Result<Process, Error> {
        let engine = |store| Engine::new(store, self.clock.clone(), Arc::new(SystemEntropy::new()));
        let market = engine(fuse.before("the market's", self.market.clone()));
        let books = engine(fuse.before("the provider's", self.provider.clone()));
        let provider = SandboxBackend::on(&books, &"acme".parse().expect("a short name"));
        let backend = Arc::new(provider.clone());
        let payments = Payments::new(&market, backend.clone());
        let methods = FixedMethods::everybody(PaymentMethodToken::new(self.card)?);
        let settlement = PaymentsSettlement::new(&payments, Arc::new(methods));
        let settlement = Arc::new(settlement);
        let accounts = FixedDestinations::default().with(hugo(), Destination::new(account)?);
        let payouts = Payouts::new(&market, backend, Arc::new(accounts));
        // The host joins the capability with the two ports for money.
        let errands = Errands::new(&market, settlement.clone(), Arc::new(payouts.clone()));
        let worker = Worker::new(&market, WorkerOptions::default())
            .with(payments.handlers())
            .with(payouts.handlers())
            .with(settlement.handlers(Arc::new(errands.clone())))
            .with(errands.handlers());
        Ok(Process {
            fuse,
            errands,
            provider,
            engine: market,
            worker,
            clock: self.clock.clone(),
        })
    }
}

impl Process {
    /// Mei orders a dish, and Hugo brings it a while later.
    pub(crate) async fn deliver(&self) -> Result<Errand, Error> {
        let ordered = self.order().await?;
        self.work().await?;
        self.hand_over(ordered.id).await?;
        self.work().await?;
        self.order().await
    }

    pub(crate) async fn order(&self) -> Result<Errand, Error> {
        self.order_as(ORDER).await
    }

    /// Orders something, always under the same key.
    pub(crate) async fn order_as(&self, order: Order) -> Result<Errand, Error> {
        let key = "dinner".parse().expect("a short key");
        self.errands.order(&mei(), order, &key).await
    }

    pub(crate) async fn hand_over(&self, id: ErrandId) -> Result<Errand, Error> {
        let courier = Caller::user(app(), hugo()).with_scope(BRING);
        let key = "at-the-door".parse().expect("a short key");
        self.errands.hand_over(&courier, id, &key).await
    }

    pub(crate) async fn pay_again(&self, id: ErrandId) -> Result<Errand, Error> {
        let staff = Caller::app(app()).with_scope(Scope::STAFF);
        let key = "new-account".parse().expect("a short key");
        self.errands.pay_again(&staff, id, &key).await
    }

    /// Does what is due, over some minutes.
    pub(crate) async fn work(&self) -> Result<(), Error> {
        for _ in 0..5 {
            self.clock.advance(Duration::from_secs(61));
            self.worker.drain().await?;
        }
        Ok(())
    }

    /// Returns what was given up and waits for a person: of what kind, and why.
    pub(crate) async fn given_up(&self) -> Result<Vec<(String, String)>, Error> {
        let dead = DeadLetters::of(&self.engine).list(None, 100).await?;
        let told = dead.into_iter().map(|letter| {
            let why = letter.last_error.unwrap_or_default();
            (letter.key.to_string(), why)
        });
        Ok(told.collect())
    }

    /// Returns what is still to be done in the market, ever, of the kinds that its services write.
    #[cfg(test)]
    pub(crate) async fn left(&self) -> Result<Vec<String>, Error> {
        let mut left = Vec::new();
        for kind in ["errand.due", "pay.fact", "pay.operation", "pay.payout"] {
            let query = DueQuery {
                slots: SlotSet::ALL,
                kind: kind.to_owned(),
                now: Timestamp::MAX,
                lease: Duration::ZERO,
                limit: 100,
            };
            let due = self.engine.store().due(&query).await?;
            left.extend(due.iter().map(|one| one.key.to_string()));
        }
        Ok(left)
    }

    /// Reads the provider's books.
    pub(crate) async fn moved(&self) -> Result<Moved, Error> {
        let taken = self.provider.movements(&app()).await?;
        let paid = self.provider.payout_movements(&app()).await?;
        Ok(Moved {
            taken: taken.iter().map(|movement| movement.amount).collect(),
            paid: paid.iter().map(|movement| movement.amount).collect(),
        })
    }
}

fn app() -> AppId {
    "market".parse().expect("a short name")
}

fn mei() -> Caller {
    Caller::user(app(), "mei".parse().expect("a short name"))
}

fn hugo() -> UserId {
    "hugo".parse().expect("a short name")
}
