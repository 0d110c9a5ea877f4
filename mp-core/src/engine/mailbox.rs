use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{BuildHasherDefault, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use super::{
    Family,
    address::{Address, TakenHash},
    job::Job,
};
use crate::{
    error::{Error, ErrorKind},
    store::Partition,
};

/// How many commands may wait on one partition; more are refused as `busy`.
const WAITING_MAX: usize = 16_384;

/// How many partitions' states are kept in memory when nothing waits on them, per shelf.
const KEPT_MAX: usize = 256;

/// How much state is kept in memory when nothing waits on it, in records per shelf; a larger state
/// is not kept at all.
const KEPT_RECORDS_MAX: usize = 65_536;

/// How much that is, in bytes of values per shelf; a larger state is not kept either.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

const SHELVES: usize = 16;

/// The mailboxes of all partitions, on shelves of their own lock each.
pub(super) struct Mailboxes {
    shelves: [Mutex<Shelf>; SHELVES],
    keys: RandomState,
}

#[derive(Default)]
struct Shelf {
    places: HashMap<Address, Place, BuildHasherDefault<TakenHash>>,
    /// What is kept, by when it was used last.
    kept_by_use: BTreeMap<u64, Address>,
    /// The size of all that is kept, in records.
    kept_records: usize,
    /// The same, in bytes of values.
    kept_bytes: usize,
    uses: u64,
}

/// What there is of a partition: its mailbox while a runner is at work, else its state.
enum Place {
    Busy(Mailbox),
    Kept(u64, Kept),
}

/// What the next runner begins with.
pub(super) struct Kept {
    pub(super) family: Box<Family>,
    /// How many more turns are taken at the partition, because others commit to it as well.
    pub(super) contended: u32,
    /// Since when no turn was asked for, and when that was kept.
    pub(super) calm_since: Instant,
    pub(super) kept_at: Instant,
    /// Whether there may be more remembered answers that have lapsed.
    pub(super) lapsed_left: bool,
}

/// The jobs that wait on one partition while its runner is at work.
#[derive(Default)]
struct Mailbox {
    waiting: VecDeque<Box<dyn Job>>,
    arrival: Arc<Notify>,
}

/// Whether the caller who dropped a job must also start a runner, and with what.
pub(super) enum Accepted {
    Start {
        kept: Option<Kept>,
        arrival: Arc<Notify>,
    },
    Running,
}

impl Mailboxes {
    pub(super) fn new() -> Self {
        Self {
            shelves: std::array::from_fn(|_| Mutex::default()),
            keys: RandomState::new(),
        }
    }

    /// Returns where a partition's mailbox is found.
    pub(super) fn address(&self, partition: &Partition) -> Address {
        Address::of(partition, &self.keys)
    }

    /// Drops a job into its partition's mailbox; the first one in has to start the runner.
    pub(super) fn accept(&self, address: &Address, job: Box<dyn Job>) -> Result<Accepted, Error> {
        let mut shelf = self.shelf(address);
        if let Some(Place::Busy(mailbox)) = shelf.places.get_mut(address) {
            if mailbox.waiting.len() >= WAITING_MAX {
                return Err(busy());
            }
            mailbox.waiting.push_back(job);
            mailbox.arrival.notify_one();
            return Ok(Accepted::Running);
        }
        let mailbox = Mailbox::with(job);
        let arrival = mailbox.arrival.clone();
        let kept = shelf.open(address, mailbox);
        Ok(Accepted::Start { kept, arrival })
    }

    /// Takes as many jobs as `share` says of so many that wait, or closes the mailbox and keeps what
    /// there is to keep if none does.
    pub(super) fn take(
        &self,
        address: &Address,
        share: impl FnOnce(usize) -> usize,
        keep: impl FnOnce() -> Option<Kept>,
    ) -> Vec<Box<dyn Job>> {
        let mut shelf = self.shelf(address);
        let Some(Place::Busy(mailbox)) = shelf.places.get_mut(address) else {
            return Vec::new();
        };
        if mailbox.waiting.is_empty() {
            shelf.close(address, keep());
            return Vec::new();
        }
        mailbox.draw(share)
    }

    /// Takes as many jobs as `share` says of so many that wait, and leaves the mailbox open.
    pub(super) fn draw(
        &self,
        address: &Address,
        share: impl FnOnce(usize) -> usize,
    ) -> Vec<Box<dyn Job>> {
        let mut shelf = self.shelf(address);
        match shelf.places.get_mut(address) {
            Some(Place::Busy(mailbox)) => mailbox.draw(share),
            _ => Vec::new(),
        }
    }

    /// Returns whether a job waits.
    pub(super) fn has_waiting(&self, address: &Address) -> bool {
        let shelf = self.shelf(address);
        let place = shelf.places.get(address);
        place.is_some_and(
            |place| matches!(place, Place::Busy(mailbox) if !mailbox.waiting.is_empty()),
        )
    }

    /// Puts jobs back in front, in their order.
    pub(super) fn put_back(&self, address: &Address, jobs: Vec<Box<dyn Job>>) {
        if jobs.is_empty() {
            return;
        }
        // Their runner is at work, so that there is a mailbox.
        if let Some(Place::Busy(mailbox)) = self.shelf(address).places.get_mut(address) {
            for job in jobs.into_iter().rev() {
                mailbox.waiting.push_front(job);
            }
        }
    }

    /// Closes a mailbox whose runner broke off; its jobs' callers are told by the dropped reply.
    pub(super) fn abandon(&self, address: &Address) {
        self.shelf(address).close(address, None);
    }

    fn shelf(&self, address: &Address) -> MutexGuard<'_, Shelf> {
        let shelf = &self.shelves[usize::from(address.slot()) % SHELVES];
        shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    fn with(job: Box<dyn Job>) -> Self {
        Self {
            waiting: VecDeque::from([job]),
            arrival: Arc::default(),
        }
    }

    fn draw(&mut self, share: impl FnOnce(usize) -> usize) -> Vec<Box<dyn Job>> {
        let waiting = self.waiting.len();
        self.waiting.drain(..share(waiting).min(waiting)).collect()
    }
}

impl Shelf {
    /// Opens a mailbox, and returns what was kept.
    fn open(&mut self, address: &Address, mailbox: Mailbox) -> Option<Kept> {
        let place = self.places.insert(address.clone(), Place::Busy(mailbox));
        place.and_then(|place| self.taken(place))
    }

    /// Closes a mailbox, and keeps the state if it is not too large.
    fn close(&mut self, address: &Address, kept: Option<Kept>) {
        let small =
            |family: &Family| family.len() <= KEPT_RECORDS_MAX && family.bytes() <= KEPT_BYTES_MAX;
        let Some(kept) = kept.filter(|kept| small(&kept.family)) else {
            self.places.remove(address);
            return;
        };
        self.uses += 1;
        self.kept_records += kept.family.len();
        self.kept_bytes += kept.family.bytes();
        self.kept_by_use.insert(self.uses, address.clone());
        let kept = Place::Kept(self.uses, kept);
        self.places.insert(address.clone(), kept);
        while self.keeps_too_much() {
            self.drop_least_recently_used();
        }
    }

    fn keeps_too_much(&self) -> bool {
        self.kept_by_use.len() > KEPT_MAX
            || self.kept_records > KEPT_RECORDS_MAX
            || self.kept_bytes > KEPT_BYTES_MAX
    }

    /// Takes note that what stood at a place does so no more.
    fn taken(&mut self, place: Place) -> Option<Kept> {
        let Place::Kept(used, kept) = place else {
            return None;
        };
        self.kept_by_use.remove(&used);
        self.kept_records -= kept.family.len();
        self.kept_bytes -= kept.family.bytes();
        Some(kept)
    }

    fn drop_least_recently_used(&mut self) {
        if let Some((_, address)) = self.kept_by_use.pop_first()
            && let Some(place) = self.places.remove(&address)
        {
            self.taken(place);
        }
    }
}

fn busy() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "busy",
        "too many commands wait for this: try again later",
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::{Key, Record, Version, View};

    fn kept(partition: &Partition, records: usize, length: usize) -> Kept {
        let value = Bytes::from(vec![0; length]);
        let record = |number: usize| Record {
            key: Key::new(&format!("m/{number}")).expect("a well-formed key"),
            version: Version(1),
            value: value.clone(),
        };
        let view = View {
            head: Version(1),
            records: (0..records).map(record).collect(),
            ..View::default()
        };
        let family = Family::new(partition.clone(), view, &[]);
        Kept {
            family: Box::new(family),
            contended: 0,
            calm_since: Instant::now(),
            kept_at: Instant::now(),
            lapsed_left: false,
        }
    }

    #[test]
    fn what_a_shelf_keeps_is_bounded_by_number_and_by_size() {
        for records in [1, KEPT_RECORDS_MAX / 3, KEPT_RECORDS_MAX + 1] {
            let (mut shelf, keys) = (Shelf::default(), RandomState::new());
            for number in 0..KEPT_MAX + 50 {
                let partition = Partition::parse(&format!("test/kept/{number}")).expect("an id");
                let address = Address::of(&partition, &keys);
                let is_large = records > 1 && number > 10;
                if is_large {
                    break;
                }
                shelf.close(&address, Some(kept(&partition, records, 0)));
                assert!(shelf.places.len() <= KEPT_MAX);
                assert_eq!(shelf.places.len(), shelf.kept_by_use.len());
                let kept = shelf.places.values().map(|place| match place {
                    Place::Kept(_, kept) => kept.family.len(),
                    Place::Busy(_) => panic!("was closed"),
                });
                let size: usize = kept.sum();
                assert_eq!(shelf.kept_records, size);
                assert!(size <= KEPT_RECORDS_MAX);
                let fits = records < KEPT_RECORDS_MAX;
                assert_eq!(
                    shelf.places.contains_key(&address),
                    fits,
                    "the latest is kept"
                );
            }
        }
    }

    #[test]
    fn what_a_shelf_keeps_is_bounded_in_bytes() {
        const LONG: usize = 256 * 1024;
        let (mut shelf, keys) = (Shelf::default(), RandomState::new());
        let most = KEPT_BYTES_MAX / LONG;
        for (number, records) in [1, most / 3, most / 2, most, 1, most + 1]
            .into_iter()
            .enumerate()
        {
            let partition = Partition::parse(&format!("test/kept/{number}")).expect("an id");
            let address = Address::of(&partition, &keys);
            shelf.close(&address, Some(kept(&partition, records, LONG)));
            assert!(shelf.kept_bytes <= KEPT_BYTES_MAX);
            let fits = records <= most;
            assert_eq!(shelf.places.contains_key(&address), fits, "{records}");
        }
        let last = shelf.places.into_values().map(|place| match place {
            Place::Kept(_, kept) => kept.family.bytes(),
            Place::Busy(_) => panic!("was closed"),
        });
        assert_eq!(last.sum::<usize>(), shelf.kept_bytes);
    }
}
