//! Counters: with and without keys, and a timer for some of what was counted.

use std::{sync::Arc, time::Duration};

use mp_core::{
    Decision, Document, Edits, Engine, Error, Family, Timestamp,
    idempotency::Idempotency,
    sim::{Chance, Drawn, History, Violation},
    work::{self, Done, Handler, HandlerError},
};
use serde::{Deserialize, Serialize};

use super::{demand, place};

const COUNTERS: u64 = 8;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Command {
    counter: u64,
    act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
enum Act {
    /// Without a key: if nobody knows, nobody asks again.
    Add,
    AddOnce,
    /// The same, and a timer.
    AddAndRemind,
    /// Reads.
    Look,
    /// Decides that nothing changes.
    Check,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Counter {
    count: u64,
    /// How many reminders came.
    reminded: u64,
}

impl Document for Counter {
    const KIND: &'static str = "counter";
    const FORMAT: u32 = 1;
}

/// A reminder that is still to come.
#[derive(Debug, Deserialize, Serialize)]
struct Remind {
    count: u64,
}

impl Document for Remind {
    const KIND: &'static str = "counter.remind";
    const FORMAT: u32 = 1;
}

pub(super) fn draw(chance: &mut Chance) -> Drawn<super::Command> {
    let act = chance.pick([
        Act::Add,
        Act::Add,
        Act::AddOnce,
        Act::AddAndRemind,
        Act::Look,
        Act::Check,
    ]);
    let counter = super::mostly_few(COUNTERS, chance);
    let command = Command { counter, act };
    let (part, is_keyed) = (command.part(), command.is_keyed());
    let command = super::Command::Counter(command);
    if is_keyed {
        Drawn::keyed(part, command)
    } else {
        Drawn::keyless(part, command)
    }
}

impl Command {
    fn part(&self) -> String {
        format!("counter/{}", self.counter)
    }

    fn is_keyed(&self) -> bool {
        matches!(self.act, Act::AddOnce | Act::AddAndRemind)
    }

    pub(super) fn is_look(&self) -> bool {
        matches!(self.act, Act::Look | Act::Check)
    }

    pub(super) fn apply(&self, count: &mut u64) -> u64 {
        if !self.is_look() {
            *count += 1;
        }
        *count
    }

    pub(super) async fn call(&self, engine: &Engine, once: Idempotency) -> Result<u64, Error> {
        let part = self.part();
        if self.act == Act::Look {
            return count(engine, &part).await;
        }
        let act = self.act;
        let mut command = mp_core::Command::on(place(&part)).prefix("r/");
        if self.is_keyed() {
            command = command.once(once);
        }
        Ok(engine
            .run(command, move |family, now| decide(family, act, now))
            .await?
            .answer)
    }
}

fn decide(family: &Family, act: Act, now: Timestamp) -> Result<Decision<u64>, Error> {
    let mut counter = family
        .root::<Counter>()?
        .map_or(Counter::default(), |counter| *counter);
    if act == Act::Check {
        return Ok(Decision::unchanged(counter.count));
    }
    counter.count += 1;
    let count = counter.count;
    let mut edits = Edits::new();
    edits.put_root(counter);
    if act == Act::AddAndRemind {
        let due_at = now.plus(Duration::from_secs(count % 7));
        edits.put(&format!("r/{count}"), Remind { count });
        edits.schedule(&count.to_string(), due_at, &Remind { count });
    }
    Ok(edits.answer(count))
}

/// A timer changes state by an ordinary command: the new state and the end of the timer in one
/// commit.
pub(super) fn remind(engine: &Engine) -> Arc<dyn Handler> {
    let engine = engine.clone();
    work::on(move |delivery, Remind { count }| {
        let engine = engine.clone();
        async move {
            let key = format!("r/{count}");
            let command = mp_core::Command::on(delivery.partition).key(&key);
            let decide = move |family: &Family, _| {
                let mut edits = Edits::new();
                if let (Some(counter), Some(_)) =
                    (family.root::<Counter>()?, family.get::<Remind>(&key)?)
                {
                    edits.put_root(Counter {
                        reminded: counter.reminded + 1,
                        ..*counter
                    });
                    edits.delete(&key);
                    edits.unschedule::<Remind>(&count.to_string());
                }
                Ok::<_, Error>(edits.answer(()))
            };
            engine.run(command, decide).await?;
            Ok::<_, HandlerError>(Done::Finished)
        }
    })
}

pub(super) async fn count(engine: &Engine, part: &str) -> Result<u64, Error> {
    Ok(read(engine, part).await?.count)
}

async fn read(engine: &Engine, part: &str) -> Result<Counter, Error> {
    let family = engine.read(mp_core::Command::on(place(part))).await?;
    Ok(family
        .root::<Counter>()?
        .map_or(Counter::default(), |counter| *counter))
}

/// Every reminder came, once.
pub(super) async fn audit(
    engine: &Engine,
    history: &History<super::Command, u64>,
) -> Result<(), Violation> {
    for counter in 0..COUNTERS {
        let reminds = |command: &super::Command| matches!(command, super::Command::Counter(c) if c.counter == counter && c.act == Act::AddAndRemind);
        let asked = history
            .answered()
            .filter(|(exchange, _)| reminds(exchange.command()))
            .count();
        let reminded = read(engine, &format!("counter/{counter}")).await?.reminded;
        demand(reminded == asked as u64, || {
            format!("{asked} reminders were set, {reminded} came")
        })?;
    }
    Ok(())
}
