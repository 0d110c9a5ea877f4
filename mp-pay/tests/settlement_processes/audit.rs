//! What must be true once nobody calls any more and all time has passed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mp_core::{
    Error, Timestamp,
    clock::{Clock, ManualClock, SystemClock},
    port::{SecureRequest, SettlementStatus},
};
use mp_pay::PaymentsSettlement;

use crate::{
    call::{Act, Call, Told},
    means::Means,
    parent::Done,
    person::Person,
    seat::Seat,
    shop::{FUNDS, PAYERS, Shop, seats, till, wallet},
    support::{app, staff},
    target::Target,
};

const MINUTE: Duration = Duration::from_secs(61);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a person looks at what waits for one, at most.
const LOOKS_MAX: u32 = 8;

/// Lets what is due be done until all holds are over, does what a person would, and looks at every
/// seat. Returns what was found, in words.
pub(crate) async fn audit(
    target: &Target,
    means: Means,
    done: &Done,
    began: Timestamp,
) -> Result<String, String> {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let shop = Shop::on(target.open().await, clock.clone());
    let person = wait_for_everything(&shop, &clock).await?;
    let told = by_seat(done);
    let (mut by_status, mut taken) = (BTreeMap::<String, u32>::new(), 0);
    for seat in (0..seats()).map(Seat) {
        let found = Found::of(&shop, means, seat, &person).await?;
        let request = seat.request(began);
        let breach = |breach| {
            format!(
                "{breach}: {told:?} {found:?} {request:?}",
                told = told[&seat]
            )
        };
        found.check(means, &told[&seat], &request).map_err(breach)?;
        *by_status.entry(format!("{:?}", found.status)).or_default() += 1;
        taken += found.taken;
    }
    if means == Means::StoredValue {
        balance(&shop, taken).await?;
    }
    Ok(format!(
        "{by_status:?}, {taken} cents taken, {} looked up",
        person.looked_up
    ))
}

async fn wait_for_everything(shop: &Shop, clock: &ManualClock) -> Result<Person, String> {
    let worker = shop.worker();
    let mut person = Person::default();
    for look in 0.. {
        for (span, times) in [(MINUTE, 30), (HOUR, 30), (DAY, 9)] {
            for _ in 0..times {
                clock.advance(span);
                worker.drain().await.map_err(broke)?;
            }
        }
        let waited = person.look(shop).await.map_err(broke)?;
        if waited == 0 {
            break;
        }
        if look == LOOKS_MAX {
            return Err(format!("{waited} things still wait for a person"));
        }
    }
    Ok(person)
}

/// Returns what was told about each seat, by what was asked.
fn by_seat(done: &Done) -> BTreeMap<Seat, Vec<(Act, Told)>> {
    let mut by_seat: BTreeMap<Seat, Vec<(Act, Told)>> = BTreeMap::new();
    for (number, told) in &done.answers {
        let Call { seat, act } = Call::of(*number);
        by_seat.entry(seat).or_default().push((act, *told));
    }
    by_seat
}

/// Where a seat stands.
#[derive(Debug)]
struct Found {
    status: SettlementStatus,
    /// What was taken for it and not given back, in cents.
    taken: i64,
}

impl Found {
    async fn of(shop: &Shop, means: Means, seat: Seat, person: &Person) -> Result<Self, String> {
        let key = seat.key();
        let status = shop.port(means).status(&app(), &key).await;
        let intent = PaymentsSettlement::intent_of(&app(), &key);
        let by_hand = person.by_hand.get(&intent).copied().unwrap_or_default();
        let taken = shop.taken(means, &key).await.map_err(broke)?;
        Ok(Self {
            status: status.map_err(broke)?,
            taken: taken - by_hand,
        })
    }

    /// Demands that it came as everybody was told.
    fn check(
        &self,
        means: Means,
        told: &[(Act, Told)],
        request: &SecureRequest,
    ) -> Result<(), &'static str> {
        let was = |wanted| told.iter().any(|(_, told)| *told == wanted);
        let price = request.amount.minor();
        if was(Told::Broken) {
            return Err("an error that the port does not name");
        }
        if !(0..=price).contains(&self.taken) {
            return Err("more was taken, or given back, than there is");
        }
        if matches!(
            self.status,
            SettlementStatus::Pending | SettlementStatus::Secured
        ) {
            return Err("it is open for ever");
        }
        if was(Told::Released) {
            let gone = matches!(
                self.status,
                SettlementStatus::Released | SettlementStatus::Declined
            );
            return if gone && self.taken == 0 {
                Ok(())
            } else {
                Err("it was let go of, and is not back")
            };
        }
        let is_let_go = told.iter().any(|(act, _)| *act == Act::Release);
        match (was(Told::Settled), was(Told::Declined)) {
            // Whoever lets go may have been killed before they were told so.
            _ if is_let_go => Ok(()),
            // What is held stands for a week; a backend may fail to take what it holds.
            (false, true) if means == Means::StoredValue && was(Told::Secured) => {
                Err("it was held, and declined all the same")
            }
            (true, true) => Err("it was told to be both, for good"),
            (true, false) if !is_the_rest(self.taken, price, told) => {
                Err("another amount is there")
            }
            (true, false) if self.status != SettlementStatus::Settled => Err("it is not settled"),
            (false, true) if self.taken != 0 => Err("it was declined, and was taken"),
            _ => Ok(()),
        }
    }
}

/// Returns the parts that it was told of that they are so, each once.
fn parts(told: &[(Act, Told)], wanted: Told) -> BTreeSet<(u64, i64)> {
    let of_parts = told.iter().filter_map(|(act, told)| match act {
        Act::GiveBack { part, cents } if *told == wanted => Some((*part, *cents)),
        _ => None,
    });
    of_parts.collect()
}

/// Returns whether so much is left of a price once everything is given back that was told to be, and
/// perhaps what nobody knew of in time.
fn is_the_rest(taken: i64, price: i64, told: &[(Act, Told)]) -> bool {
    let cents = |parts: &BTreeSet<(u64, i64)>| parts.iter().map(|(_, cents)| cents).sum::<i64>();
    let (given, open) = (parts(told, Told::GivenBack), parts(told, Told::Open));
    let most = price - cents(&given);
    let open = open.difference(&given).copied().collect();
    (most - cents(&open)..=most).contains(&taken)
}

/// Demands that the wallets and the till have what was moved between them.
async fn balance(shop: &Shop, taken: i64) -> Result<(), String> {
    let staff = staff();
    let mut left = 0;
    for number in 0..PAYERS {
        let found = shop.ledger.account(&staff, &wallet(number)).await;
        let found = found.map_err(|error| broke(error.into()))?;
        if found.available() != Some(found.posted()) {
            return Err(format!("something is held for ever: {found:?}"));
        }
        left += found.posted();
    }
    let till = shop.ledger.account(&staff, &till()).await;
    let has = till.map_err(|error| broke(error.into()))?.posted();
    let funds = FUNDS * PAYERS as i64;
    if (has, left) != (taken, funds - taken) {
        return Err(format!(
            "the till has {has}, the wallets {left}, {taken} was taken"
        ));
    }
    Ok(())
}

fn broke(error: Error) -> String {
    error.to_string()
}
