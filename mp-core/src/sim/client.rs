use std::{sync::Arc, time::Duration};

use super::{
    Chance, Workload,
    fleet::{Fleet, Running},
    history::{Attempt, Exchange, Heard},
    workload::{Answer, Command},
};
use crate::{
    conformance::Violation,
    error::{Error, ErrorKind},
    id::IdempotencyKey,
};

/// How often a client repeats a command of which it is told nothing definite.
const ATTEMPTS_MAX: usize = 400;

/// The longest pause of a client between two attempts, in milliseconds.
const PAUSE_MAX: u64 = 1_000;

/// How many of a hundred commands with a key are sent to two processes at once; and as many are
/// repeated after their answer, as by a nervous finger.
const TWICE_PERCENT: u64 = 5;

/// Somebody who asks one thing after another, at whatever process, each until it is answered.
pub(super) struct Client<W: Workload> {
    pub(super) fleet: Arc<Fleet<W>>,
    pub(super) number: usize,
    pub(super) chance: Chance,
}

type Asked<W> = Exchange<Command<W>, Answer<W>>;

impl<W: Workload> Client<W> {
    pub(super) async fn ask(mut self, commands: usize) -> Result<Vec<Asked<W>>, Violation> {
        let mut exchanges = Vec::with_capacity(commands);
        for command in 0..commands {
            self.pause(self.fleet.world.mix.think_max).await;
            let drawn = self.fleet.workload.draw(&mut self.chance);
            let key = IdempotencyKey::new(&format!("{}.{command}", self.number))
                .expect("two numbers and a dot are a key");
            let mut exchange = Exchange::new(drawn, key);
            self.find_out(&mut exchange).await?;
            exchanges.push(exchange);
        }
        Ok(exchanges)
    }

    /// Asks until there is nothing more to find out.
    async fn find_out(&mut self, exchange: &mut Asked<W>) -> Result<(), Violation> {
        self.ask_once_or_twice(exchange).await;
        while !exchange.is_over() {
            if exchange.attempts.len() > ATTEMPTS_MAX {
                let (key, command) = (&exchange.key, &exchange.command);
                let problem = format!("nobody tells what became of {key} {command:?}");
                return Err(Violation::new(problem));
            }
            self.pause(PAUSE_MAX).await;
            self.ask_once_or_twice(exchange).await;
        }
        if exchange.is_keyed && exchange.answer().is_some() && self.chance.percent(TWICE_PERCENT) {
            let route = self.route().await;
            let again = self.attempt(route, exchange).await;
            exchange.attempts.push(again);
        }
        exchange.demand_one_answer()
    }

    async fn ask_once_or_twice(&mut self, exchange: &mut Asked<W>) {
        let one = self.route().await;
        if exchange.is_keyed && self.chance.percent(TWICE_PERCENT) {
            let other = self.route().await;
            let attempts = tokio::join!(self.attempt(one, exchange), self.attempt(other, exchange));
            exchange.attempts.extend(<[_; 2]>::from(attempts));
        } else {
            let attempt = self.attempt(one, exchange).await;
            exchange.attempts.push(attempt);
        }
    }

    async fn attempt(&self, at: Arc<Running<W>>, exchange: &Asked<W>) -> Attempt<Answer<W>> {
        let (world, process) = (&self.fleet.world, at.life.number);
        let Asked::<W> { command, key, .. } = exchange;
        world.note(|| format!("{key} asks process {process}: {command:?}"));
        let asked = world.tick();
        let call = self.fleet.workload.call(&at.services, command, key);
        let heard_of = tokio::select! {
            biased;
            () = at.life.death.wait() => Heard::Unknown,
            answer = call => heard(answer),
        };
        let heard = world.tick();
        world.note(|| format!("{key} hears from process {process}: {heard_of:?}"));
        Attempt {
            asked,
            heard,
            heard_of,
        }
    }

    async fn route(&mut self) -> Arc<Running<W>> {
        self.fleet.any(&mut self.chance).await
    }

    async fn pause(&mut self, millis_max: u64) {
        let millis = self.chance.below(millis_max + 1);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

fn heard<A>(answer: Result<A, Error>) -> Heard<A> {
    match answer {
        Ok(answer) => Heard::Answered(answer),
        Err(error) => match error.kind() {
            ErrorKind::Unavailable => Heard::Unavailable,
            ErrorKind::Unknown => Heard::Unknown,
            _ => Heard::Refused(error.code()),
        },
    }
}
