use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, Scope,
    amount::{Currency, Money},
    id::{AppId, IdempotencyKey, Name, UserId},
    label::Label,
    port::{Listeners, Notification, Notifier},
    sign::{KeyId, KeyRing, Secret},
    work::{Worker, WorkerOptions},
};
use mp_examples::orders::{Menu, Orders};
use mp_location::{NewPlace, Places, PlacesOptions, Point};
use mp_pay::{
    Passes, Payments, PaymentsSettlement,
    method::{PaymentMethod, PaymentMethodToken, PaymentMethods},
    pass::Program,
};
use mp_queue::{LaneSetup, LineId, LineSetup, QueueError, QueueOptions, Queues};
use mp_share::{
    Groups, Links, Offers,
    offer::{OfferId, Terms},
};

use super::{
    evening::TICK,
    fault::Acquirer,
    options::Fault,
    persist::persist,
    places::{Spot, spots},
    script::{Card, Script, TICKS},
};

/// The app that the market is.
pub(crate) const APP: &str = "temple-street";

/// The loyalty program of the whole market, and how many stamps make a reward.
pub(crate) const PROGRAM: &str = "market";
const STAMPS_PER_REWARD: u32 = 5;

/// The dishes of every stall, and their prices in cents.
pub(crate) const DISHES: [(&str, &str, i64); 4] = [
    ("claypot", "Claypot rice 煲仔飯", 7_800),
    ("oyster", "Oyster omelette 蠔餅", 5_500),
    ("skewer", "Squid skewer 魷魚串", 2_800),
    ("tea", "Iced lemon tea 凍檸茶", 1_800),
];

/// All services of the evening, joined once.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) app: AppId,
    pub(crate) engine: Engine,
    pub(crate) acquirer: Arc<Acquirer>,
    pub(crate) payments: Payments,
    pub(crate) orders: Orders,
    pub(crate) passes: Passes,
    pub(crate) links: Links,
    pub(crate) offers: Offers,
    pub(crate) groups: Groups,
    pub(crate) queues: Queues,
    pub(crate) places: Places,
    pub(crate) worker: Worker,
    pub(crate) stalls: Vec<Stall>,
    pub(crate) homes: Vec<Spot>,
    pub(crate) rounds_per_tick: u32,
    /// The links that openers have posted in the friends' chat.
    chat: Mutex<HashMap<u32, String>>,
}

/// One stall: who runs it, its queue, and its group offer.
#[derive(Clone, Debug)]
pub(crate) struct Stall {
    pub(crate) owner: UserId,
    pub(crate) shop: Name,
    pub(crate) line: LineId,
    pub(crate) offer: Option<OfferId>,
}

impl Market {
    /// Joins the services and sets the stalls up; setting them up again changes nothing.
    pub(crate) async fn open(
        engine: &Engine,
        script: &Arc<Script>,
        fault: Option<Fault>,
    ) -> Result<Self, Error> {
        let app = AppId::new(APP).map_err(|error| Error::invalid("app", error))?;
        let acquirer = Arc::new(Acquirer::new(engine, fault)?);
        let payments = Payments::new(engine, acquirer.clone());
        let methods = Arc::new(Wallets(script.clone()));
        let settlement = Arc::new(PaymentsSettlement::new(&payments, methods));
        let notifier: Arc<dyn Notifier> = Arc::new(Silent);
        let offers = Offers::new(engine);
        let groups = Groups::new(engine, offers.clone(), settlement.clone(), notifier.clone());
        let stalls = stalls(script.visitors())?;
        let orders = Orders::new(engine, settlement.clone(), menu(&stalls)?);
        let queues = Queues::new(engine, &QueueOptions::default());
        let listeners = Listeners::default()
            .with(Arc::new(orders.clone()))
            .with(Arc::new(groups.clone()));
        let worker = Worker::new(engine, WorkerOptions::default())
            .with(payments.handlers())
            .with(settlement.handlers(Arc::new(listeners)))
            .with(groups.handlers())
            .with(orders.handlers())
            .with(queues.handlers(notifier));
        let rounds = script.visitors() * 3 / 4 / u32::try_from(stalls.len()).unwrap_or(1) / 40;
        let mut market = Self {
            app,
            engine: engine.clone(),
            acquirer,
            payments,
            orders,
            passes: Passes::new(engine).with(Program::new(name(PROGRAM)?, STAMPS_PER_REWARD)?),
            links: Links::new(engine, key_ring()?, "https://m.example/")?,
            offers,
            groups,
            queues,
            places: Places::new(engine, &PlacesOptions::default()),
            worker,
            stalls,
            homes: spots()?,
            rounds_per_tick: rounds + 1,
            chat: Mutex::default(),
        };
        market.set_up().await?;
        Ok(market)
    }

    async fn set_up(&mut self) -> Result<(), Error> {
        let key = key("set-up")?;
        for number in 0..self.stalls.len() {
            let staff = self.staff(number)?;
            let stall = self.stalls[number].clone();
            let spot = &self.homes[number * self.homes.len() / self.stalls.len()];
            let place = NewPlace {
                name: label(&format!("Stall {number} at {}", spot.name))?,
                category: name("food")?,
                point: spot.point,
            };
            persist(|| self.places.add(&staff, place.clone(), &key)).await?;
            let setup = self.line_setup()?;
            let open = || {
                self.queues
                    .open_line(&staff, &stall.line, setup.clone(), &key)
            };
            match persist(open).await {
                Ok(_) | Err(QueueError::LineExists) => {}
                Err(error) => return Err(error.into()),
            }
            let terms = terms()?;
            let offer = persist(|| self.offers.create(&staff, &terms, &key)).await?;
            self.stalls[number].offer = Some(offer.id);
        }
        Ok(())
    }

    fn line_setup(&self) -> Result<LineSetup, Error> {
        let interval = TICK / self.rounds_per_tick;
        let lane = |letter: &str, from, to| {
            let letter = letter
                .parse()
                .map_err(|error| Error::invalid("lane", error))?;
            Ok::<_, Error>(LaneSetup::new(letter, from, to).with_interval(interval))
        };
        Ok(LineSetup::new(vec![lane("A", 1, 2)?, lane("B", 3, 6)?]))
    }

    /// Returns a stall's owner as a caller with the staff's rights.
    pub(crate) fn staff(&self, stall: usize) -> Result<Caller, Error> {
        let owner = self.stalls[stall].owner.clone();
        Ok(Caller::user(self.app.clone(), owner).with_scope(Scope::STAFF))
    }

    /// Returns a visitor as a caller.
    pub(crate) fn visitor(&self, number: u32) -> Result<Caller, Error> {
        Ok(Caller::user(self.app.clone(), visitor(number)?))
    }

    /// Returns whether anybody waits in a line, or was called and has not come yet.
    pub(crate) async fn anybody_waits(&self) -> Result<bool, Error> {
        for (number, stall) in self.stalls.iter().enumerate() {
            let line = self.queues.line(&self.staff(number)?, &stall.line).await?;
            if line
                .lanes
                .iter()
                .any(|lane| lane.counts.waiting + lane.counts.called > 0)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Posts a link in the friends' chat.
    pub(crate) fn post(&self, opener: u32, url: String) {
        self.chat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(opener, url);
    }

    /// Returns the link that an opener has posted, if this process has seen it.
    pub(crate) fn posted(&self, opener: u32) -> Option<String> {
        self.chat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&opener)
            .cloned()
    }

    /// Returns where a visitor comes from.
    pub(crate) fn home(&self, home: u32) -> Point {
        self.homes[home as usize % self.homes.len()].point
    }
}

/// Knows how every visitor pays: as the script says.
#[derive(Debug)]
struct Wallets(Arc<Script>);

#[async_trait]
impl PaymentMethods for Wallets {
    async fn method_of(&self, _: &AppId, payer: &UserId) -> Result<Option<PaymentMethod>, Error> {
        let Some(number) = payer
            .as_str()
            .strip_prefix("visitor-")
            .and_then(|n| n.parse().ok())
        else {
            return Ok(None);
        };
        Ok(Some(token(self.0.card(number))?.into()))
    }
}

/// Returns the sandbox's token for a card.
pub(crate) fn token(card: Card) -> Result<PaymentMethodToken, Error> {
    PaymentMethodToken::new(match card {
        Card::Good => "pm_ok",
        Card::Declined => "pm_declined",
        Card::LosesRequests => "pm_timeout_before",
        Card::LosesAnswers => "pm_timeout_after",
        Card::Slow => "pm_slow",
    })
}

/// Tells nobody anything: the visitors of this evening look at their screens themselves.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Notifier for Silent {
    async fn notify(&self, _: &Notification) -> Result<(), Error> {
        Ok(())
    }
}

fn stalls(visitors: u32) -> Result<Vec<Stall>, Error> {
    let count = (visitors / 60).clamp(6, 40);
    (0..count)
        .map(|number| stall(&format!("stall-{number}")))
        .collect()
}

fn stall(id: &str) -> Result<Stall, Error> {
    let day = "2026-11-21"
        .parse()
        .map_err(|error| Error::invalid("day", error))?;
    Ok(Stall {
        owner: UserId::new(id).map_err(|error| Error::invalid("owner", error))?,
        shop: name(id)?,
        line: LineId::new(name(id)?, day),
        offer: None,
    })
}

fn menu(stalls: &[Stall]) -> Result<Menu, Error> {
    let mut dishes = stalls
        .iter()
        .flat_map(|stall| DISHES.iter().map(move |dish| (stall, dish)));
    dishes.try_fold(Menu::new(), |menu, (stall, (item, title, cents))| {
        let price = Money::new(*cents, Currency::HKD);
        menu.with(stall.shop.clone(), name(item)?, label(title)?, price)
    })
}

fn terms() -> Result<Terms, Error> {
    Ok(Terms {
        title: label("Hotpot for three, bought together 三人打邊爐")?,
        price: Money::new(16_800, Currency::HKD),
        group_price: Money::new(12_800, Currency::HKD),
        group_size: 3,
        seat_hold: Duration::from_secs(10 * 60),
        group_duration: TICK * 3,
        pieces: 60_000,
        each_max: Some(5),
    })
}

/// The market's key ring. The secret of a demonstration is no secret: a host keeps its own.
fn key_ring() -> Result<KeyRing, Error> {
    let secret = Secret::new(b"a demonstration needs no secret key".to_vec())
        .map_err(|error| Error::invalid("secret", error))?;
    let id = KeyId::new(1).map_err(|error| Error::invalid("key_id", error))?;
    Ok(KeyRing::new(id, &secret))
}

/// Returns a visitor's user id.
pub(crate) fn visitor(number: u32) -> Result<UserId, Error> {
    UserId::new(&format!("visitor-{number}")).map_err(|error| Error::invalid("user", error))
}

/// Returns an idempotency key.
pub(crate) fn key(text: &str) -> Result<IdempotencyKey, Error> {
    text.parse()
        .map_err(|error| Error::invalid("idempotency_key", error))
}

fn name(text: &str) -> Result<Name, Error> {
    text.parse().map_err(|error| Error::invalid("name", error))
}

fn label(text: &str) -> Result<Label, Error> {
    text.parse().map_err(|error| Error::invalid("label", error))
}

/// When the market closes: after the last visitor, by the evening's own clock.
pub(crate) fn closes_after() -> Duration {
    TICK * TICKS
}

#[cfg(test)]
mod tests;
