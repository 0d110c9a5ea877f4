//! Accounts: what they have, and what they have room for, is held, kept and let go of by the steps
//! of transfers.

use async_trait::async_trait;
use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, Family, Timestamp,
    capacity::{Capacity, CapacityRefusal, Holding, Request, Reservation, ReservationState, Taken},
    id::AppId,
    port::{Confirmed, Participant, Reserved},
    sim::Violation,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{demand, place};

pub(super) const ACCOUNTS: u64 = 3;

const FUNDS: u32 = 80;
const ROOM: u32 = 80;

/// Holdings are not what is tried here: everything belongs to the bank, which has a lot.
const HOLDING: Holding = Holding {
    quantity: 1_000_000,
};

/// What can be taken out of it, and what can be put in.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Account {
    capacity: Capacity,
}

impl Document for Account {
    const KIND: &'static str = "account";
    const FORMAT: u32 = 1;
}

/// What one step holds; nothing if it was refused, or released before it was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Hold {
    reservation: Option<Reservation>,
}

impl Document for Hold {
    const KIND: &'static str = "hold";
    const FORMAT: u32 = 1;
}

/// One side of a transfer: it takes from an account's funds, or from its room.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) engine: Engine,
    /// Breaks the contract on purpose: refuses and does not keep that it did.
    pub(super) is_forgetful: bool,
}

/// What a step asks for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Ask {
    pub(super) account: u64,
    pub(super) amount: u32,
}

/// An answer, and what becomes of the account and of the hold.
type Decided<T> = (T, Option<(Capacity, Option<Reservation>)>);

/// The code of a refusal, if it is one.
type Code = Option<String>;

impl Side {
    async fn decide<T, F>(&self, key: &str, decide: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(Capacity, Option<Hold>, Timestamp) -> Decided<T> + Send + 'static,
    {
        let hold = format!("h/{key}");
        let account = place(&format!("account/{}", account_of(key)));
        let command = Command::on(account).key(&hold);
        let decide = move |family: &Family, now: Timestamp| {
            let account = family.root::<Account>()?;
            let capacity = account.map_or_else(capacity, |account| account.capacity.clone());
            let held = family.get::<Hold>(&hold)?.map(|hold| (*hold).clone());
            let (answer, change) = decide(capacity, held, now);
            let Some((capacity, reservation)) = change else {
                return Ok(Decision::unchanged(answer));
            };
            let mut edits = Edits::new();
            edits.put_root(Account { capacity });
            edits.put(&hold, Hold { reservation });
            Ok::<_, Error>(edits.answer(answer))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

fn capacity() -> Capacity {
    Capacity::of("funds", FUNDS).with_quota("room", ROOM)
}

/// The account of a step: its key is `{from}-{to}-{number}.{step}`.
fn account_of(key: &str) -> &str {
    let step = usize::from(key.ends_with(".1"));
    key.split('-')
        .nth(step)
        .expect("a transfer's id begins with its accounts")
}

fn reserve(
    capacity: Capacity,
    hold: Option<Hold>,
    request: &Request,
    now: Timestamp,
) -> Decided<Code> {
    match hold.map(|hold| hold.reservation) {
        Some(Some(held)) if !held.state.is_over() => (None, None),
        Some(_) => (Some("released".to_owned()), None),
        None => match capacity.reserve(request, &Holding::default(), now) {
            Ok(taken) => (None, changed(taken)),
            // It is final: whoever asks again, late, under the same key, must be told the same.
            Err(refusal) => (Some(refusal.to_string()), Some((capacity, None))),
        },
    }
}

fn confirm(capacity: Capacity, hold: Option<Hold>, now: Timestamp) -> Decided<Code> {
    let Some(held) = hold.and_then(|hold| hold.reservation) else {
        return (Some("released".to_owned()), None);
    };
    match capacity.confirm(&held, &HOLDING, now) {
        Ok(taken) => (None, changed(taken)),
        Err(CapacityRefusal::Lapsed) => {
            let lapsed = capacity.lapse(&held, &HOLDING, now).ok();
            (Some("lapsed".to_owned()), lapsed.and_then(changed))
        }
        Err(refusal) => (Some(refusal.to_string()), None),
    }
}

fn release(capacity: Capacity, hold: Option<Hold>) -> Decided<()> {
    match hold.and_then(|hold| hold.reservation) {
        Some(held) => ((), capacity.release(&held, &HOLDING).ok().and_then(changed)),
        None => ((), Some((capacity, None))),
    }
}

fn changed(taken: Taken) -> Option<(Capacity, Option<Reservation>)> {
    Some((taken.capacity, Some(taken.reservation)))
}

#[async_trait]
impl Participant for Side {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn reserve(
        &self,
        _: &AppId,
        key: &str,
        request: &Value,
        until: Timestamp,
    ) -> Result<Reserved, Error> {
        let ask: Ask = serde_json::from_value(request.clone())
            .map_err(|error| Error::invalid("request", error))?;
        let owner = "bank".parse().expect("a well-formed user");
        let takes = [(self.name.to_owned(), ask.amount)].into();
        let request = Request {
            owner,
            takes,
            until,
        };
        let is_forgetful = self.is_forgetful;
        let decide = move |capacity, hold, now| match reserve(capacity, hold, &request, now) {
            (Some(code), _) if is_forgetful => (Some(code), None),
            decided => decided,
        };
        Ok(self
            .decide(key, decide)
            .await?
            .map_or(Reserved::Reserved, Reserved::Refused))
    }

    async fn confirm(&self, _: &AppId, key: &str) -> Result<Confirmed, Error> {
        Ok(self
            .decide(key, confirm)
            .await?
            .map_or(Confirmed::Confirmed, Confirmed::Refused))
    }

    async fn release(&self, _: &AppId, key: &str) -> Result<(), Error> {
        self.decide(key, |capacity, hold, _| release(capacity, hold))
            .await
    }
}

/// The quotas are what the holds add up to, and none is overdrawn.
pub(super) fn inspect(family: &Family) -> Result<(), Violation> {
    let Some(account) = family.root::<Account>()? else {
        return Err(Violation::new("an account without a root"));
    };
    let holds = family.scan::<Hold>("h/")?;
    for (quota, size) in [("funds", FUNDS), ("room", ROOM)] {
        let sum = |state: ReservationState| -> u32 {
            let held = holds
                .iter()
                .filter_map(|(_, hold)| hold.reservation.as_ref());
            let held = held.filter(|held| held.state == state);
            held.filter_map(|held| held.takes.get(quota)).sum()
        };
        let [reserved, confirmed] =
            [ReservationState::Reserved, ReservationState::Confirmed].map(sum);
        let counts = account.capacity.quota(quota).copied().unwrap_or_default();
        let adds_up = counts.reserved == reserved && counts.confirmed == confirmed;
        demand(adds_up && reserved + confirmed <= size, || {
            format!("{quota}: {counts:?}, but holds of {reserved} and {confirmed}")
        })?;
    }
    Ok(())
}

/// Returns what was taken out of and put into an account for good; nothing may be held any more.
pub(super) async fn kept(engine: &Engine, number: u64) -> Result<[u32; 2], Violation> {
    let command = Command::on(place(&format!("account/{number}"))).prefix("h/");
    let family = engine.read(command).await?;
    for (key, hold) in family.scan::<Hold>("h/")? {
        let state = hold.reservation.as_ref().map(|held| held.state);
        let is_held = state == Some(ReservationState::Reserved);
        demand(!is_held, || {
            format!("account {number}: {key} is still held when all is over")
        })?;
    }
    let account = family.root::<Account>()?;
    let quota = |quota| {
        account
            .as_ref()?
            .capacity
            .quota(quota)
            .map(|quota| quota.confirmed)
    };
    Ok(["funds", "room"].map(|name| quota(name).unwrap_or_default()))
}
