//! Accounts: what they have and what they have room for is held, kept and let go of by the steps of
//! transfers.

use async_trait::async_trait;
use mp_core::{
    Command, Decision, Document, Edits, Engine, Error, Family, Timestamp,
    capacity::{Capacity, CapacityRefusal, Holding, Request, Reservation, ReservationState},
    id::{AppId, UserId},
    port::{Confirmed, Participant, Reserved},
    sim::Violation,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{demand, place};

pub(super) const ACCOUNTS: u64 = 3;
pub(super) const FUNDS: u32 = 150;
pub(super) const ROOM: u32 = 150;

/// What can be taken out of it, and what can be put in.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Account {
    capacity: Capacity,
}

impl Document for Account {
    const KIND: &'static str = "account";
    const FORMAT: u32 = 1;
}

/// What one step holds; nothing if it was released before it was asked for.
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
}

/// What a step asks for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Ask {
    pub(super) account: u64,
    pub(super) amount: u32,
}

/// The account that a step's key names: `{transfer}.{step}`, and a transfer's id has both.
pub(super) fn account_of(key: &str) -> u64 {
    let mut parts = key.split(['-', '.']);
    let accounts = [parts.next(), parts.next()].map(|part| part.and_then(|part| part.parse().ok()));
    let step = if key.ends_with(".0") { 0 } else { 1 };
    accounts[step].expect("a transfer's id begins with its accounts")
}

impl Side {
    async fn run<T>(
        &self,
        key: &str,
        decide: impl Fn(Account, Option<Hold>, Timestamp) -> (T, Option<(Capacity, Hold)>)
        + Send
        + 'static,
    ) -> Result<T, Error>
    where
        T: Serialize + serde::de::DeserializeOwned + Send + 'static,
    {
        let hold = format!("h/{key}");
        let command = Command::on(place(&format!("account/{}", account_of(key)))).key(&hold);
        let decide = move |family: &Family, now: Timestamp| {
            let account = family
                .root::<Account>()?
                .map_or_else(Account::new, |account| (*account).clone());
            let held = family.get::<Hold>(&hold)?.map(|hold| (*hold).clone());
            let (answer, change) = decide(account, held, now);
            let Some((capacity, held)) = change else {
                return Ok(Decision::unchanged(answer));
            };
            let mut edits = Edits::new();
            edits.put_root(Account { capacity });
            edits.put(&hold, held);
            Ok::<_, Error>(edits.answer(answer))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

impl Account {
    fn new() -> Self {
        Self {
            capacity: Capacity::of("funds", FUNDS).with_quota("room", ROOM),
        }
    }
}

/// Returns the code of a refusal, or nothing.
type Code = Option<String>;

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
        let mut request = Request::one(self.name, &owner(), until);
        request.takes.insert(self.name.to_owned(), ask.amount);
        let code = self.run::<Code>(key, move |account, hold, now| {
            match hold.map(|hold| hold.reservation) {
                Some(Some(held)) if !held.state.is_over() => (None, None),
                Some(_) => (Some("released".into()), None),
                None => match account.capacity.reserve(&request, &Holding::default(), now) {
                    Ok(taken) => (
                        None,
                        Some((
                            taken.capacity,
                            Hold {
                                reservation: Some(taken.reservation),
                            },
                        )),
                    ),
                    Err(refusal) => (Some(refusal.to_string()), None),
                },
            }
        });
        Ok(code.await?.map_or(Reserved::Reserved, Reserved::Refused))
    }

    async fn confirm(&self, _: &AppId, key: &str) -> Result<Confirmed, Error> {
        let code = self.run::<Code>(key, |account, hold, now| {
            let Some(held) = hold.and_then(|hold| hold.reservation) else {
                return (Some("released".into()), None);
            };
            let holding = Holding { quantity: u32::MAX };
            match account.capacity.confirm(&held, &holding, now) {
                Ok(taken) => (
                    None,
                    Some((
                        taken.capacity,
                        Hold {
                            reservation: Some(taken.reservation),
                        },
                    )),
                ),
                Err(CapacityRefusal::Lapsed) => {
                    let lapsed = account.capacity.lapse(&held, &holding, now).ok();
                    let change = lapsed.map(|taken| {
                        (
                            taken.capacity,
                            Hold {
                                reservation: Some(taken.reservation),
                            },
                        )
                    });
                    (Some("lapsed".into()), change)
                }
                Err(refusal) => (Some(refusal.to_string()), None),
            }
        });
        Ok(code.await?.map_or(Confirmed::Confirmed, Confirmed::Refused))
    }

    async fn release(&self, _: &AppId, key: &str) -> Result<(), Error> {
        self.run(key, |account, hold, _| {
            match hold.and_then(|hold| hold.reservation) {
                Some(held) => {
                    let released = account
                        .capacity
                        .release(&held, &Holding { quantity: u32::MAX })
                        .ok();
                    let change = released.map(|taken| {
                        (
                            taken.capacity,
                            Hold {
                                reservation: Some(taken.reservation),
                            },
                        )
                    });
                    ((), change)
                }
                // Nobody may reserve under this key any more.
                None => ((), Some((account.capacity, Hold { reservation: None }))),
            }
        })
        .await
    }
}

fn owner() -> UserId {
    "bank".parse().expect("a well-formed user")
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
        let (reserved, confirmed) = (
            sum(ReservationState::Reserved),
            sum(ReservationState::Confirmed),
        );
        let stands = account.capacity.quota(quota).copied().unwrap_or_default();
        let holds = stands.reserved == reserved
            && stands.confirmed == confirmed
            && reserved + confirmed <= size;
        demand(holds, || {
            format!("{quota} {stands:?}, but holds of {reserved} and {confirmed}")
        })?;
    }
    Ok(())
}

/// Returns what was taken out of and put into an account for good; nothing may be held any more.
pub(super) async fn kept(engine: &Engine, account: u64) -> Result<[u32; 2], Violation> {
    let family = engine
        .read(Command::on(place(&format!("account/{account}"))))
        .await?;
    let Some(account) = family.root::<Account>()? else {
        return Ok([0, 0]);
    };
    let quotas =
        ["funds", "room"].map(|quota| account.capacity.quota(quota).copied().unwrap_or_default());
    let held: u32 = quotas.iter().map(|quota| quota.reserved).sum();
    demand(held == 0, || {
        format!("{held} is still held when all is over")
    })?;
    Ok(quotas.map(|quota| quota.confirmed))
}
