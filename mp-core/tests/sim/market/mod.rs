//! A small market under simulation: everything of `mp-core` that a capability is made of, and a
//! model of it that a person can check by eye.

mod account;
mod counter;
mod purse;
mod seats;
mod transfer;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use mp_core::{
    Caller, Engine, Error, Family,
    id::{AppId, IdempotencyKey},
    idempotency::Idempotency,
    sim::{Chance, Drawn, History, Model, Process, Violation, Workload},
    store::Partition,
    work::Handler,
};
use serde::Serialize;

use self::{seats::Seats, transfer::Transfers};

/// What is outside of the store: the mails that were sent, by their keys.
pub(crate) type Mails = Arc<Mutex<BTreeSet<String>>>;

/// How a process of the market differs from a right one.
#[derive(Clone, Copy)]
pub(crate) struct Wrong {
    /// Makes the engine that its services use.
    pub(crate) engine: fn(&Process) -> Engine,
    /// Accounts forget what they refused.
    pub(crate) is_forgetful: bool,
    /// Each attempt at a mail has a key of its own.
    pub(crate) mails_anew: bool,
}

impl Wrong {
    pub(crate) const NOTHING: Self = Self {
        engine: |process| process.engine().clone(),
        is_forgetful: false,
        mails_anew: false,
    };
}

pub(crate) struct Market {
    wrong: Wrong,
    mails: Mails,
}

impl Market {
    pub(crate) fn new(_: &mut Chance) -> Self {
        Self::with(Wrong::NOTHING)
    }

    pub(crate) fn with(wrong: Wrong) -> Self {
        let mails = Mails::default();
        Self { wrong, mails }
    }
}

/// The services of one process.
pub(crate) struct Stall {
    engine: Engine,
    transfers: Transfers,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Command {
    Counter(counter::Command),
    Seats(seats::Command),
    Purses { amount: u32 },
    Transfer(transfer::Command),
}

/// The state of one part; the others stay as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    count: u64,
    seats: Seats,
    purses: [u32; purse::PURSES],
    has_transfer: bool,
}

impl Model for State {
    type Command = Command;
    type Answer = u64;

    fn apply(&mut self, command: &Command) -> Result<u64, &'static str> {
        match command {
            Command::Counter(command) => Ok(command.apply(&mut self.count)),
            Command::Seats(command) => self.seats.apply(command),
            Command::Purses { amount } => {
                self.purses.iter_mut().for_each(|purse| *purse += amount);
                Ok(0)
            }
            Command::Transfer(_) => {
                self.has_transfer = true;
                Ok(0)
            }
        }
    }

    fn is_look(command: &Command) -> bool {
        matches!(command, Command::Counter(command) if command.is_look())
    }
}

#[async_trait]
impl Workload for Market {
    type Services = Stall;
    type Model = State;

    fn start(&self, process: &Process) -> (Stall, Vec<Arc<dyn Handler>>) {
        let engine = (self.wrong.engine)(process);
        let transfers = transfer::transfers(&engine, self.wrong.is_forgetful);
        let handlers = vec![
            counter::remind(&engine),
            seats::tell(&engine, process, &self.mails, self.wrong.mails_anew),
            transfers.handler(),
        ];
        (Stall { engine, transfers }, handlers)
    }

    fn draw(&self, chance: &mut Chance) -> Drawn<Command> {
        match chance.below(100) {
            0..38 => counter::draw(chance),
            38..72 => seats::draw(chance),
            72..82 => Drawn::keyed(
                "purses",
                Command::Purses {
                    amount: 1 + chance.below(9) as u32,
                },
            ),
            _ => transfer::draw(chance),
        }
    }

    async fn call(
        &self,
        stall: &Stall,
        command: &Command,
        key: &IdempotencyKey,
    ) -> Result<u64, Error> {
        let once = Idempotency::new(&Caller::app(app()), "market.call", key, command)?;
        match command {
            Command::Counter(command) => command.call(&stall.engine, once).await,
            Command::Seats(command) => command.call(&stall.engine, once).await,
            Command::Purses { amount } => purse::fill(&stall.engine, *amount, once).await,
            Command::Transfer(command) => command.call(&stall.engine, &stall.transfers, once).await,
        }
    }

    async fn observe(&self, stall: &Stall, part: &str) -> Result<State, Error> {
        let mut state = State::default();
        match part.split_once('/') {
            Some(("counter", _)) => state.count = counter::count(&stall.engine, part).await?,
            Some(("seats", _)) => state.seats = seats::observe(&stall.engine, part).await?,
            Some(("transfer", _)) => {
                state.has_transfer = transfer::stands(&stall.engine, part).await?;
            }
            _ => state.purses = purse::observe(&stall.engine).await?,
        }
        Ok(state)
    }

    fn inspect(&self, family: &Family) -> Result<(), Violation> {
        match family.partition().id().split('/').nth(1) {
            Some("seats") => seats::inspect(family),
            Some("account") => account::inspect(family),
            _ => Ok(()),
        }
    }

    async fn audit(&self, stall: &Stall, history: &History<Command, u64>) -> Result<(), Violation> {
        counter::audit(&stall.engine, history).await?;
        let mails = self
            .mails
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        seats::audit(&stall.engine, history, &mails).await?;
        transfer::audit(&stall.engine, history).await
    }
}

fn app() -> AppId {
    "market".parse().expect("a well-formed app")
}

/// Draws one of the first two, and now and then another: so that some are made late in a run.
fn mostly_few(all: u64, chance: &mut Chance) -> u64 {
    let among = if chance.percent(10) { all } else { 2 };
    chance.below(among)
}

/// The partition that a part of the model stands for.
fn place(part: &str) -> Partition {
    Partition::parse(&format!("market/{part}")).expect("a well-formed id")
}

fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation::new(otherwise()))
    }
}
