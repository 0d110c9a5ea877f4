use std::time::Duration;

use mp_core::{
    Caller, Command, Document, Edits, Engine, Error, Family, Timestamp,
    idempotency::Idempotency,
    steps::{self, Home, Plan, Standing, Step, plan_key},
    store::Partition,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::life::Life;

pub(crate) const PLAN: &str = "p1";

/// The home of the plan: it confirms on its own or waits, and notes how the plan ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Order {
    confirms: bool,
    pub(crate) end: Option<Standing>,
}

impl Document for Order {
    const KIND: &'static str = "order";
    const FORMAT: u32 = 1;
}

impl Home for Order {
    const KIND: &'static str = "order.steps";

    fn reads(command: Command, _: &str) -> Command {
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
        let Some(order) = family.root::<Self>()? else {
            return Ok(plan);
        };
        match plan.standing() {
            Standing::Reserved if order.confirms => plan.confirm(),
            end @ (Standing::Confirmed | Standing::Released) if end != before => {
                let end = Some(end);
                edits.put_root(Self {
                    end,
                    ..(*order).clone()
                });
                Ok(plan)
            }
            _ => Ok(plan),
        }
    }
}

pub(crate) fn partition() -> Partition {
    Partition::parse("test/order/1").expect("a well-formed id")
}

/// Places the order, once, however often it is called.
pub(crate) async fn place(
    engine: &Engine,
    life: Life,
    names: [&'static str; 3],
) -> Result<(), Error> {
    let caller = Caller::user("test".parse().expect("app"), "mei".parse().expect("user"));
    let key = "place".parse().expect("key");
    let once = Idempotency::new(&caller, "order.place", &key, &())?;
    let command = Command::on(partition()).key(&plan_key(PLAN)).once(once);
    let decide = move |_: &Family, now: Timestamp| {
        let until = |margin| now.plus(Duration::from_secs(life.seconds() + margin));
        let untils = [until(20), until(10), until(0)];
        let step = |(name, until)| Step::new(name, Value::Null, until);
        let plan = Plan::new(names.into_iter().zip(untils).map(step).collect())?;
        let mut edits = Edits::new();
        edits.put_root(Order {
            confirms: life.confirms(),
            end: None,
        });
        steps::put::<Order>(&mut edits, PLAN, plan, now)?;
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await?;
    Ok(())
}

/// Wishes to release the plan; wishing it twice changes nothing.
pub(crate) async fn release(engine: &Engine) -> Result<(), Error> {
    let command = Command::on(partition()).key(&plan_key(PLAN));
    let decide = |family: &Family, now: Timestamp| {
        let mut edits = Edits::new();
        if let Some(plan) = family.get::<Plan>(&plan_key(PLAN))? {
            let released = plan.release();
            if released != *plan {
                steps::put::<Order>(&mut edits, PLAN, released, now)?;
            }
        }
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await?;
    Ok(())
}

/// Reads the order and its plan.
pub(crate) async fn look(engine: &Engine) -> Option<(Order, Plan)> {
    let command = Command::on(partition()).key(&plan_key(PLAN));
    let family = engine.read(command).await.ok()?;
    let order = family.root::<Order>().ok()??;
    let plan = family.get::<Plan>(&plan_key(PLAN)).ok()??;
    Some(((*order).clone(), (*plan).clone()))
}
