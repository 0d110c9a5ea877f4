//! What must be true once nobody runs any more and all time has passed, by the books of both sides.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mp_core::{
    Error,
    clock::{Clock, ManualClock, SystemClock},
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    IntentId, PayError, PaymentIntent, intent::IntentStatus, journal::JournalEntry,
    operation::OperationKey,
};

use crate::{
    class::Class,
    order::{Act, Order, create},
    parent::Done,
    person::Person,
    shop::{Shop, intents},
    support::{app, staff},
    target::Target,
};

const MINUTE: Duration = Duration::from_secs(61);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a person looks at what waits for one, at most: what they find may have something else given
/// back, of which the answer is lost in turn.
const LOOKS_MAX: u32 = 8;

/// Lets what is due be done until all holds are over, does what a person would, and looks at everything.
/// Returns what was found, in words.
pub(crate) async fn audit(target: &Target, class: Class, done: &Done) -> Result<String, String> {
    let store = target.open().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let shop = Shop::on(store, clock.clone(), class);
    let worker = Worker::new(&shop.engine, WorkerOptions::default());
    let worker = worker.with(shop.payments.handlers());
    let mut person = Person::default();
    for look in 0.. {
        for (span, times) in [(MINUTE, 30), (HOUR, 30), (DAY, 9)] {
            for _ in 0..times {
                clock.advance(span);
                worker.drain().await.map_err(broke)?;
            }
        }
        let waited = person.look(&shop).await.map_err(broke)?;
        if waited == 0 {
            break;
        }
        if look == LOOKS_MAX {
            return Err(format!("{waited} things still wait for a person"));
        }
    }
    let mut audit = Audit {
        moved: moved(&shop, &person).await?,
        by_status: BTreeMap::new(),
        written: BTreeMap::new(),
    };
    for number in 0..intents() {
        let created = create(&shop, number).await.map_err(told)?;
        audit.look(&shop, number, created.id).await?;
    }
    let found = audit.compare(done)?;
    let looked_up = person.looked_up;
    Ok(format!("{looked_up} looked up by a person; {found}"))
}

/// Returns what moved for each payment, in cents, by a person's hand and by the provider's books, which no
/// operation stands in twice.
async fn moved(shop: &Shop, person: &Person) -> Result<BTreeMap<IntentId, i64>, String> {
    let mut moved: BTreeMap<IntentId, i64> = BTreeMap::new();
    let mut operations: BTreeSet<OperationKey> = BTreeSet::new();
    for movement in shop.sandbox.movements(&app()).await.map_err(broke)? {
        *moved.entry(movement.operation.intent).or_default() += movement.amount.minor();
        if !operations.insert(movement.operation) {
            return Err(format!("{movement:?} moved twice"));
        }
    }
    for (intent, given) in &person.by_hand {
        *moved.entry(*intent).or_default() -= given;
    }
    Ok(moved)
}

/// What the books say.
struct Audit {
    /// What moved for each payment, in cents.
    moved: BTreeMap<IntentId, i64>,
    /// How many payments came to each status.
    by_status: BTreeMap<String, u32>,
    /// How often each command stands in the journals, by its key.
    written: BTreeMap<String, u32>,
}

impl Audit {
    /// Demands that a payment has come to its end and has what the provider moved.
    async fn look(&mut self, shop: &Shop, number: u64, id: IntentId) -> Result<(), String> {
        let intent = shop.payments.intent(&staff(), id).await.map_err(told)?;
        let journal = shop.payments.journal(&staff(), id).await.map_err(told)?;
        self.note_commands(number, &journal)?;
        let moved = self.moved.get(&id).copied().unwrap_or_default();
        *self.by_status.entry(intent.status.to_string()).or_default() += 1;
        is_over(&intent, moved).map_err(|breach| format!("{breach}: {journal:#?}"))
    }

    fn note_commands(&mut self, number: u64, journal: &[JournalEntry]) -> Result<(), String> {
        for entry in journal {
            let Some(request) = &entry.request else {
                continue;
            };
            let key = request.key.to_string();
            let of = key.strip_prefix("command-").map(str::parse::<u64>);
            if let Some(Ok(command)) = of
                && Order::of(command).intent != number
            {
                return Err(format!("payment {number} has {entry:?} of another"));
            }
            *self.written.entry(key).or_default() += 1;
        }
        Ok(())
    }

    /// Demands that what was told of each command is so.
    fn compare(&self, done: &Done) -> Result<String, String> {
        let mut refused: BTreeMap<&str, u32> = BTreeMap::new();
        for (number, told) in &done.answers {
            let order = Order::of(*number);
            let written = self.written.get(&order.key()).copied().unwrap_or_default();
            let as_told = match told.as_str() {
                // Who cancels what is canceled is told that it is.
                "made" => written == 1 || (written == 0 && order.act == Act::Cancel),
                _ => written == 0,
            };
            if !as_told {
                return Err(format!(
                    "{order:?} was told {told} and is written {written} times"
                ));
            }
            if told != "made" {
                *refused.entry(told).or_default() += 1;
            }
        }
        Ok(format!("{:?}; refused {refused:?}", self.by_status))
    }
}

/// Demands that nothing of a payment is open, and that it has what moved.
fn is_over(intent: &PaymentIntent, moved: i64) -> Result<(), String> {
    let kept = intent.amount_received.minor() - intent.amount_refunded.minor();
    let open = matches!(
        intent.status,
        IntentStatus::Processing | IntentStatus::RequiresAction | IntentStatus::RequiresCapture
    );
    let reserved = !intent.amount_reserved_for_refund.is_zero();
    if open || reserved || intent.conflict.is_some() || kept != moved {
        return Err(format!("{moved} moved for {intent:?}"));
    }
    Ok(())
}

fn told(error: PayError) -> String {
    broke(Error::from(error))
}

fn broke(error: Error) -> String {
    error.to_string()
}
