//! Groups with few seats: scarce things, refusals, and a message for every seat that was taken,
//! which a projection counts and a mail tells.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use mp_core::{
    Caller, Decision, Document, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    capacity::{Capacity, CapacityRefusal, Holding, Request, Reservation},
    id::UserId,
    idempotency::Idempotency,
    sim::{Chance, Drawn, History, Process, Violation},
    work::{self, Done, Handler, HandlerError},
};
use serde::{Deserialize, Serialize};

use super::{Mails, app, demand, place};

const GROUPS: u64 = 8;
const SEATS: u32 = 4;
const PEOPLE: u64 = 8;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Command {
    group: u64,
    person: u64,
    act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
enum Act {
    Join,
    Leave,
}

/// The model: who sits, and how many have ever joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seats {
    people: BTreeSet<u64>,
    joined: u64,
}

impl Seats {
    pub(super) fn apply(&mut self, command: &Command) -> Result<u64, &'static str> {
        match command.act {
            Act::Join if self.people.contains(&command.person) => Err("owner_limit"),
            Act::Join if self.people.len() == SEATS as usize => Err("sold_out"),
            Act::Join => {
                self.people.insert(command.person);
                self.joined += 1;
                Ok(self.joined)
            }
            Act::Leave if self.people.remove(&command.person) => Ok(0),
            Act::Leave => Err("no_seat"),
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Group {
    seats: Capacity,
    joined: u64,
}

impl Document for Group {
    const KIND: &'static str = "seats";
    const FORMAT: u32 = 1;
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Seat {
    reservation: Reservation,
    holding: Holding,
}

impl Document for Seat {
    const KIND: &'static str = "seat";
    const FORMAT: u32 = 1;
}

/// Somebody has joined.
#[derive(Debug, Deserialize, Serialize)]
struct Joined {
    number: u64,
}

impl Document for Joined {
    const KIND: &'static str = "seats.joined";
    const FORMAT: u32 = 1;
}

/// What the projection has counted, in a partition of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Tally {
    joined: u64,
}

impl Document for Tally {
    const KIND: &'static str = "tally";
    const FORMAT: u32 = 1;
}

pub(super) fn draw(chance: &mut Chance) -> Drawn<super::Command> {
    let command = Command {
        group: super::mostly_few(GROUPS, chance),
        person: chance.below(PEOPLE),
        act: chance.pick([Act::Join, Act::Join, Act::Leave]),
    };
    Drawn::keyed(
        format!("seats/{}", command.group),
        super::Command::Seats(command),
    )
}

impl Command {
    pub(super) async fn call(&self, engine: &Engine, once: Idempotency) -> Result<u64, Error> {
        let Self { group, person, act } = *self;
        let key = format!("s/{person}");
        let command = mp_core::Command::on(place(&format!("seats/{group}")))
            .key(&key)
            .once(once);
        let decide = move |family: &Family, now: Timestamp| match act {
            Act::Join => join(family, person, &key, now),
            Act::Leave => leave(family, &key),
        };
        Ok(engine.run(command, decide).await?.answer)
    }
}

fn join(family: &Family, person: u64, key: &str, now: Timestamp) -> Result<Decision<u64>, Error> {
    let group = family.root::<Group>()?.map_or_else(
        || Group {
            seats: Capacity::of("seats", SEATS).with_owner_max(1),
            joined: 0,
        },
        |group| (*group).clone(),
    );
    let owner: UserId = format!("u{person}").parse().expect("a user");
    let held = family
        .get::<Seat>(key)?
        .map_or(Holding::default(), |seat| seat.holding);
    let request = Request::one("seats", &owner, now.plus(Duration::from_secs(60)));
    let taken = group.seats.reserve(&request, &held, now).map_err(refused)?;
    let taken = taken
        .capacity
        .confirm(&taken.reservation, &taken.holding, now)
        .map_err(refused)?;
    let number = group.joined + 1;
    let mut edits = Edits::new();
    edits.put_root(Group {
        seats: taken.capacity,
        joined: number,
    });
    edits.put(
        key,
        Seat {
            reservation: taken.reservation,
            holding: taken.holding,
        },
    );
    edits.send(&number.to_string(), now, &Joined { number });
    Ok(edits.answer(number))
}

fn leave(family: &Family, key: &str) -> Result<Decision<u64>, Error> {
    let (Some(group), Some(seat)) = (family.root::<Group>()?, family.get::<Seat>(key)?) else {
        return Err(Error::new(
            ErrorKind::Refused,
            "no_seat",
            "there is no seat to leave",
        ));
    };
    let taken = group
        .seats
        .release(&seat.reservation, &seat.holding)
        .map_err(refused)?;
    let mut edits = Edits::new();
    edits.put_root(Group {
        seats: taken.capacity,
        joined: group.joined,
    });
    edits.delete(key);
    Ok(edits.answer(0))
}

fn refused(refusal: CapacityRefusal) -> Error {
    let code = match refusal {
        CapacityRefusal::SoldOut { .. } => "sold_out",
        CapacityRefusal::OwnerLimit { .. } => "owner_limit",
        _ => "refused",
    };
    Error::new(ErrorKind::Refused, code, refusal.to_string())
}

/// Counts a seat in the projection and tells it by mail, both under a key of its own.
///
/// If it mails `anew`, the key is another one for each attempt: that is wrong.
pub(super) fn tell(
    engine: &Engine,
    process: &Process,
    mails: &Mails,
    anew: bool,
) -> Arc<dyn Handler> {
    let (engine, process, mails) = (engine.clone(), process.clone(), mails.clone());
    work::on(move |delivery, Joined { number }| {
        let (engine, process, mails) = (engine.clone(), process.clone(), mails.clone());
        async move {
            let group = delivery.partition.local_id();
            count(&engine, group, number).await?;
            let attempt = if anew { delivery.attempts } else { 1 };
            let key = format!("{group}.{number}.{attempt}");
            process.outside("mail", move || send(&mails, key)).await?;
            Ok::<_, HandlerError>(Done::Finished)
        }
    })
}

fn send(mails: &Mails, key: String) {
    mails
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key);
}

async fn count(engine: &Engine, group: &str, number: u64) -> Result<(), Error> {
    let key = number.to_string().parse().expect("a number is a key");
    let once = Idempotency::new(&Caller::app(app()), "tally.count", &key, &number)?;
    let command = mp_core::Command::on(place(&format!("tally/{group}"))).once(once);
    let decide = |family: &Family, _| {
        let joined = family.root::<Tally>()?.map_or(0, |tally| tally.joined) + 1;
        let mut edits = Edits::new();
        edits.put_root(Tally { joined });
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(command, decide).await?;
    Ok(())
}

pub(super) async fn observe(engine: &Engine, part: &str) -> Result<Seats, Error> {
    let family = engine
        .read(mp_core::Command::on(place(part)).prefix("s/"))
        .await?;
    let person = |key: &str| {
        key.trim_start_matches("s/")
            .parse()
            .expect("a person's number")
    };
    Ok(Seats {
        people: family
            .scan::<Seat>("s/")?
            .iter()
            .map(|(key, _)| person(key.as_str()))
            .collect(),
        joined: family.root::<Group>()?.map_or(0, |group| group.joined),
    })
}

/// There are never more seats taken than there are, and each has its record.
pub(super) fn inspect(family: &Family) -> Result<(), Violation> {
    let Some(group) = family.root::<Group>()? else {
        return Err(Violation::new("a group without a root"));
    };
    let quota = group.seats.quota("seats").copied().unwrap_or_default();
    let records = family.count("s/")?;
    let holds =
        quota.confirmed <= SEATS && quota.confirmed as usize == records && quota.reserved == 0;
    demand(holds, || format!("{quota:?}, but {records} seats"))
}

/// Everybody who joined was counted once and mailed, and nobody else.
pub(super) async fn audit(
    engine: &Engine,
    history: &History<super::Command, u64>,
    mails: &BTreeSet<String>,
) -> Result<(), Violation> {
    let mut told = BTreeSet::new();
    for group in 0..GROUPS {
        let joined = observe(engine, &format!("seats/{group}")).await?.joined;
        told.extend((1..=joined).map(|number| format!("{group}.{number}.1")));
        let answered = history.answered().filter(|(exchange, _)| {
            matches!(exchange.command(), super::Command::Seats(c) if c.group == group && c.act == Act::Join)
        });
        let answered = answered.count() as u64;
        demand(joined >= answered, || {
            format!("{answered} were let in, but {joined} joined")
        })?;
        let family = engine
            .read(mp_core::Command::on(place(&format!("tally/{group}"))))
            .await?;
        let counted = family.root::<Tally>()?.map_or(0, |tally| tally.joined);
        demand(counted == joined, || {
            format!("{joined} joined, {counted} were counted")
        })?;
    }
    demand(told == *mails, || {
        format!("mails were {mails:?}, should be {told:?}")
    })
}
