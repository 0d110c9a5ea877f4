//! Purses: several partitions in one `commit_many`, each with decisions that were planned, as a
//! host does that commits with its own data.

use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, ErrorKind, Family, idempotency::Idempotency,
};
use serde::{Deserialize, Serialize};

use super::place;

pub(super) const PURSES: usize = 3;

/// How often it is planned anew after conflicts.
const TRIES: u32 = 8;

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Purse {
    sum: u32,
}

impl Document for Purse {
    const KIND: &'static str = "purse";
    const FORMAT: u32 = 1;
}

fn command(number: usize) -> Command {
    Command::on(place(&format!("purse/{number}")))
}

fn put(family: &Family, amount: u32) -> Result<Decision<u64>, Error> {
    let sum = family.root::<Purse>()?.map_or(0, |purse| purse.sum) + amount;
    let mut edits = Edits::new();
    edits.put_root(Purse { sum });
    Ok(edits.answer(0))
}

/// Puts the same into every purse, once.
pub(super) async fn fill(engine: &Engine, amount: u32, once: Idempotency) -> Result<u64, Error> {
    for _ in 0..TRIES {
        let mut batches = Vec::new();
        for number in 0..PURSES {
            let command = command(number).once(once.clone());
            let planned = engine.plan::<_, Error, _>(command, move |family, _| put(family, amount));
            let planned = planned.await?;
            batches.extend(planned.batch.map(|batch| (planned.partition, batch)));
        }
        if batches.is_empty() {
            return Ok(0);
        }
        let answers = engine.store().commit_many(batches).await;
        for error in answers.into_iter().filter_map(Result::err) {
            match Error::from(error) {
                conflict if conflict.code() == "contended" => {}
                error => return Err(error),
            }
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "contended",
        "others were always first",
    ))
}

pub(super) async fn observe(engine: &Engine) -> Result<[u32; PURSES], Error> {
    let mut sums = [0; PURSES];
    for (number, sum) in sums.iter_mut().enumerate() {
        let family = engine.read(command(number)).await?;
        *sum = family.root::<Purse>()?.map_or(0, |purse| purse.sum);
    }
    Ok(sums)
}
