//! Transfers between accounts: steps over three partitions.

use std::{sync::Arc, time::Duration};

use mp_core::{
    Document, Edits, Engine, Error, Family, Timestamp,
    idempotency::Idempotency,
    port::Participant,
    sim::{Chance, Drawn, History, Violation},
    steps::{self, Home, Plan, Standing, Step, Steps, plan_key},
};
use serde::{Deserialize, Serialize};

use super::{
    account::{self, ACCOUNTS, Ask, Side},
    demand, place,
};

pub(super) type Transfers = Steps<Transfer>;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Command {
    number: u64,
    from: u64,
    to: u64,
    amount: u32,
    /// Whether the client drives the transfer itself at once, as a service does for who waits.
    waits: bool,
    /// For how long the funds are held.
    seconds: u64,
}

/// The home of a transfer's plan.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Transfer {
    amount: u32,
    end: Option<Standing>,
}

impl Document for Transfer {
    const KIND: &'static str = "transfer";
    const FORMAT: u32 = 1;
}

impl Home for Transfer {
    const KIND: &'static str = "transfer.steps";

    fn reads(command: mp_core::Command, _: &str) -> mp_core::Command {
        command
    }

    fn react(
        family: &Family,
        _: &str,
        plan: Plan,
        before: Standing,
        _: Timestamp,
        edits: &mut Edits,
    ) -> Result<Plan, Error> {
        let Some(transfer) = family.root::<Self>()? else {
            return Ok(plan);
        };
        match plan.standing() {
            Standing::Reserved => plan.confirm(),
            end @ (Standing::Confirmed | Standing::Released) if end != before => {
                edits.put_root(Self {
                    amount: transfer.amount,
                    end: Some(end),
                });
                Ok(plan)
            }
            _ => Ok(plan),
        }
    }
}

pub(super) fn transfers(engine: &Engine, is_forgetful: bool) -> Transfers {
    let side = |name| {
        Arc::new(Side {
            is_forgetful,
            name,
            engine: engine.clone(),
        }) as Arc<dyn Participant>
    };
    Steps::new(engine, [side("funds"), side("room")])
}

pub(super) fn draw(chance: &mut Chance) -> Drawn<super::Command> {
    let from = chance.below(ACCOUNTS);
    let command = Command {
        number: chance.below(1 << 40),
        from,
        to: (from + 1 + chance.below(ACCOUNTS - 1)) % ACCOUNTS,
        amount: 1 + chance.below(20) as u32,
        waits: chance.percent(50),
        seconds: chance.pick([1, 15, 120]),
    };
    Drawn::keyed(
        format!("transfer/{}", command.id()),
        super::Command::Transfer(command),
    )
}

impl Command {
    fn id(&self) -> String {
        format!("{}-{}-{}", self.from, self.to, self.number)
    }

    fn plan(&self, now: Timestamp) -> Result<Plan, Error> {
        let Self {
            from,
            to,
            amount,
            seconds,
            ..
        } = *self;
        let until = now.plus(Duration::from_secs(seconds));
        let ask = |account| {
            serde_json::to_value(Ask { account, amount })
                .map_err(|error| Error::invalid("ask", error))
        };
        let funds = Step::new("funds", ask(from)?, until.plus(steps::STEP_MARGIN));
        Plan::new(vec![funds, Step::new("room", ask(to)?, until)])
    }

    pub(super) async fn call(
        &self,
        engine: &Engine,
        transfers: &Transfers,
        once: Idempotency,
    ) -> Result<u64, Error> {
        let (transfer, id) = (*self, self.id());
        let partition = place(&format!("transfer/{id}"));
        let command = mp_core::Command::on(partition.clone())
            .key(&plan_key(&id))
            .once(once);
        let decide = move |_: &Family, now: Timestamp| {
            let mut edits = Edits::new();
            edits.put_root(Transfer {
                amount: transfer.amount,
                end: None,
            });
            steps::put::<Transfer>(&mut edits, &transfer.id(), transfer.plan(now)?, now)?;
            Ok::<_, Error>(edits.answer(0))
        };
        let answer = engine.run(command, decide).await?.answer;
        if self.waits {
            // Whatever goes wrong is left to the worker.
            let _ = transfers.drive(&partition, &id).await;
        }
        Ok(answer)
    }
}

pub(super) async fn stands(engine: &Engine, part: &str) -> Result<bool, Error> {
    let family = engine.read(mp_core::Command::on(place(part))).await?;
    Ok(family.exists())
}

/// Every transfer has come to its end, and what left the accounts has arrived: what the transfers
/// that were confirmed add up to.
pub(super) async fn audit(
    engine: &Engine,
    history: &History<super::Command, u64>,
) -> Result<(), Violation> {
    let mut sums = [[0; 2]; ACCOUNTS as usize];
    for (exchange, _) in history.answered() {
        if let super::Command::Transfer(command) = exchange.command()
            && end(engine, command).await? == Standing::Confirmed
        {
            sums[command.from as usize][0] += command.amount;
            sums[command.to as usize][1] += command.amount;
        }
    }
    for (account, sum) in (0..ACCOUNTS).zip(sums) {
        let kept = account::kept(engine, account).await?;
        demand(kept == sum, || {
            format!("account {account} says {kept:?}, its transfers {sum:?}")
        })?;
    }
    Ok(())
}

async fn end(engine: &Engine, command: &Command) -> Result<Standing, Violation> {
    let id = command.id();
    let key = plan_key(&id);
    let read = mp_core::Command::on(place(&format!("transfer/{id}"))).key(&key);
    let family = engine.read(read).await?;
    let standing = family.get::<Plan>(&key)?.map(|plan| plan.standing());
    let noted = family.root::<Transfer>()?.and_then(|transfer| transfer.end);
    match standing {
        Some(end @ (Standing::Confirmed | Standing::Released)) if noted == Some(end) => Ok(end),
        _ => Err(Violation::new(format!(
            "transfer {id} stands at {standing:?}, noted {noted:?}"
        ))),
    }
}
