use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    fmt,
    ops::Bound,
    sync::Arc,
};

use super::{
    Edit, Edits,
    entry::{Decoded, Entry},
};
use crate::{
    clock::Timestamp,
    document::{self, Document},
    error::{Error, ErrorKind},
    idempotency::IDEMPOTENCY_PREFIX,
    retention::{self, Retired},
    store::{Batch, CommitId, Key, Partition, Selection, Version, View, Write},
};

/// How many keys are remembered at which something was deleted.
const DELETED_MAX: usize = 1_024;

/// The records of one partition that a decision reads: what was selected, of one head version.
///
/// Reading a key that was not selected is an error, never an absence: so a decision cannot take
/// "not loaded" for "not there".
pub struct Family {
    partition: Partition,
    head: Version,
    at: Timestamp,
    /// Whether only the mark of an aggregate is left that was closed and moved out.
    retired: bool,
    records: BTreeMap<Key, Entry>,
    /// How long their values are together; those that were not encoded yet count nothing.
    bytes: usize,
    /// The keys at which it is known that no record stands, or none did when they were read: there
    /// may be many of them.
    absent: BTreeSet<Key>,
    /// Where something was deleted lately: a store may keep a mark there, so that what is put there
    /// again is not new to it.
    deleted: BTreeSet<Key>,
    /// The prefixes and ranges that were read whole.
    loaded: BTreeSet<Selection>,
    /// What is on its way to the store, and the commit that carries it.
    sent: BTreeMap<Key, Edited>,
    sent_as: Option<CommitId>,
    /// What is not in the store yet.
    edited: BTreeMap<Key, Edited>,
}

/// An edit that is not in the store yet.
struct Edited {
    edit: Edit,
    /// Whether nothing stands there in the store, as far as is known.
    new: bool,
}

impl Family {
    /// Makes the family that a view of a whole partition shows.
    pub(crate) fn whole(partition: Partition, view: View) -> Self {
        Self::new(partition, view, &[Selection::Prefix(Key::root())])
    }

    /// Makes the family of a partition that does not exist.
    pub(super) fn absent(partition: Partition) -> Self {
        Self::new(partition, View::default(), &[])
    }

    pub(super) fn new(partition: Partition, view: View, loaded: &[Selection]) -> Self {
        let root = view.records.first().filter(|first| first.key.is_root());
        let mut family = Self {
            retired: root.is_some_and(|root| Retired::stands_in(&root.value)),
            partition,
            head: view.head,
            at: view.at,
            records: BTreeMap::new(),
            bytes: 0,
            absent: BTreeSet::new(),
            deleted: BTreeSet::new(),
            loaded: BTreeSet::new(),
            sent: BTreeMap::new(),
            sent_as: None,
            edited: BTreeMap::new(),
        };
        if family.head == Version::ABSENT {
            family.loaded.insert(Selection::Prefix(Key::root()));
        }
        family.add(view, loaded);
        family
    }

    /// Returns whether a view shows this head, or the one that the commit on its way makes.
    pub(super) fn is_seen_in(&self, view: &View) -> bool {
        view.head == self.head || self.sent_as == Some(view.commit_id)
    }

    /// Adds records of a view that [shows](Self::is_seen_in) this family.
    pub(super) fn add(&mut self, view: View, loaded: &[Selection]) {
        for record in view.records {
            if self.edited.contains_key(&record.key) || self.sent.contains_key(&record.key) {
                continue;
            }
            if let btree_map::Entry::Vacant(place) = self.records.entry(record.key) {
                self.bytes += record.value.len();
                place.insert(Entry::stored(record.value));
            }
        }
        for selection in loaded {
            match selection {
                Selection::Key(key) if self.records.contains_key(key) => false,
                Selection::Key(key) => self.absent.insert(key.clone()),
                range => self.loaded.insert(range.clone()),
            };
        }
    }

    /// Returns the partition.
    #[must_use]
    pub const fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Returns the head version; [`Version::ABSENT`] if the partition does not exist.
    #[must_use]
    pub const fn head(&self) -> Version {
        self.head
    }

    /// Returns whether the partition exists, edits of this batch included.
    #[must_use]
    pub fn exists(&self) -> bool {
        let edits = [&self.sent, &self.edited];
        self.head != Version::ABSENT || edits.iter().any(|edits| edits.contains_key(&Key::root()))
    }

    /// Returns when the head was made.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    pub(super) fn len(&self) -> usize {
        self.records.len() + self.absent.len() + self.loaded.len()
    }

    /// Returns how long the values of its records are together.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the root.
    ///
    /// # Errors
    ///
    /// `corrupt_record` if it does not read back as a `D`.
    pub fn root<D: Document>(&self) -> Result<Option<Arc<D>>, Error> {
        self.get("")
    }

    /// Returns the record at `key`.
    ///
    /// # Errors
    ///
    /// `corrupt_record` if it does not read back as a `D`, `not_loaded` if the command did not
    /// select it.
    pub fn get<D: Document>(&self, key: &str) -> Result<Option<Arc<D>>, Error> {
        match self.records.get(key) {
            Some(entry) => entry.read().map(Some),
            None if self.covers(key) => Ok(None),
            None => Err(not_loaded(key)),
        }
    }

    /// Returns the records whose keys start with `prefix`, in key order.
    ///
    /// # Errors
    ///
    /// `corrupt_record` if one does not read back as a `D`, `not_loaded` if the command did not
    /// select the whole prefix.
    pub fn scan<D: Document>(&self, prefix: &str) -> Result<Vec<(Key, Arc<D>)>, Error> {
        self.require_prefix(prefix)?;
        self.keys_from(prefix)
            .map(|(key, entry)| Ok((key.clone(), entry.read()?)))
            .collect()
    }

    /// Returns how many records have keys that start with `prefix`.
    ///
    /// # Errors
    ///
    /// `not_loaded` if the command did not select the whole prefix.
    pub fn count(&self, prefix: &str) -> Result<usize, Error> {
        self.require_prefix(prefix)?;
        Ok(self.keys_from(prefix).count())
    }

    /// Returns the first record whose key starts with `prefix`.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    pub fn first<D: Document>(&self, prefix: &str) -> Result<Option<(Key, Arc<D>)>, Error> {
        self.require_prefix(prefix)?;
        let first = self.keys_from(prefix).next();
        first
            .map(|(key, entry)| Ok((key.clone(), entry.read()?)))
            .transpose()
    }

    fn keys_from<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Key, &'a Entry)> {
        self.records
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.as_str().starts_with(prefix))
    }

    fn require_prefix(&self, prefix: &str) -> Result<(), Error> {
        let whole = self.loaded.iter().any(|selection| match selection {
            Selection::Prefix(loaded) => prefix.starts_with(loaded.as_str()),
            _ => false,
        });
        // A whole partition is loaded without its deliveries.
        if whole && !prefix.starts_with('~') {
            Ok(())
        } else {
            Err(not_loaded(prefix))
        }
    }

    fn covers(&self, key: &str) -> bool {
        // A whole prefix is found before the many single keys are searched.
        !key.starts_with('~')
            && (self.loaded.iter().any(|selection| match selection {
                Selection::Key(one) => one.as_str() == key,
                Selection::Prefix(prefix) => key.starts_with(prefix.as_str()),
                Selection::Range { from, to } => from.as_str() <= key && key < to.as_str(),
            }) || self.records.contains_key(key)
                || self.absent.contains(key))
    }

    /// Returns what of `wanted` is not loaded yet.
    pub(super) fn missing(&self, wanted: &[Selection]) -> Vec<Selection> {
        let mut missing: Vec<Selection> = wanted
            .iter()
            .filter(|selection| match selection {
                Selection::Key(key) => !self.covers(key.as_str()),
                Selection::Prefix(prefix) => self.require_prefix(prefix.as_str()).is_err(),
                range @ Selection::Range { .. } => !self.loaded.contains(range),
            })
            .cloned()
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }

    /// Refuses a family of which only the mark is left.
    ///
    /// # Errors
    ///
    /// `archived`.
    pub(super) fn demand_live(&self) -> Result<(), Error> {
        if self.retired {
            Err(retention::archived())
        } else {
            Ok(())
        }
    }

    /// Refuses edits to records that were not selected: they might overwrite what nobody looked at.
    pub(super) fn check(&self, edits: &Edits) -> Result<(), Error> {
        let blind = |key: &&Key| {
            !key.is_delivery() && !self.covers(key.as_str()) && !edits.is_declared_new(key)
        };
        edits
            .keys()
            .find(blind)
            .map_or(Ok(()), |key| Err(not_loaded(key.as_str())))
    }

    /// Applies a decision's edits, so that the next decision of the batch sees them.
    pub(super) fn apply(&mut self, edits: Edits) {
        let mut buffer = Vec::new();
        let (writes, declared_new) = edits.into_parts();
        for (key, edit) in writes {
            let new = self.is_new(&key) || declared_new.contains(&key);
            let edit = match edit {
                Edit::Put(decoded) if self.is_written_ahead(&key) => {
                    let edit = decoded.clone().ahead(&mut buffer);
                    self.insert(key.clone(), Entry::of(decoded, edit.length()));
                    edit
                }
                Edit::Put(decoded) => Edit::Put(self.put(key.clone(), decoded)),
                Edit::Delete => {
                    self.delete(&key);
                    Edit::Delete
                }
                other @ (Edit::Encoded(_) | Edit::Deliver(..)) => other,
            };
            self.edited.insert(key, Edited { edit, new });
        }
    }

    /// Returns whether nothing stands at a key in the store, where that is known. Deliveries are not
    /// read, so of them it is known only before there is a partition.
    fn is_new(&self, key: &Key) -> bool {
        match self.edited.get(key) {
            Some(edited) => edited.new,
            None if self.sent.contains_key(key) => false,
            None if key.is_delivery() => self.head == Version::ABSENT && self.sent_as.is_none(),
            None => !self.records.contains_key(key) && !self.deleted.contains(key),
        }
    }

    /// Returns whether a record is encoded as soon as it is put: while a commit is on its way there is
    /// time for that, and what is created is seldom put again before it is sent.
    fn is_written_ahead(&self, key: &Key) -> bool {
        self.sent_as.is_some() && !key.is_root() && !self.records.contains_key(key)
    }

    /// Replaces a record, and returns it with what a newer release had put into the replaced one.
    fn put(&mut self, key: Key, mut decoded: Decoded) -> Decoded {
        match self.records.entry(key) {
            btree_map::Entry::Vacant(place) => {
                place.insert(Entry::of(decoded.clone(), 0));
            }
            btree_map::Entry::Occupied(mut place) => {
                decoded.keep(place.get().newer_for(&decoded));
                let before = place.insert(Entry::of(decoded.clone(), 0));
                self.bytes -= before.length();
            }
        }
        decoded
    }

    fn insert(&mut self, key: Key, entry: Entry) {
        self.bytes += entry.length();
        if let Some(before) = self.records.insert(key, entry) {
            self.bytes -= before.length();
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let removed = self.records.remove(key)?;
        self.bytes -= removed.length();
        Some(removed)
    }

    fn delete(&mut self, key: &Key) {
        if self.remove(key).is_none() {
            return;
        }
        if !self.covers(key.as_str()) {
            self.absent.insert(key.clone());
        }
        if self.deleted.len() == DELETED_MAX {
            // Called new by mistake, a write takes the store a little longer, and that is all.
            self.deleted.clear();
        }
        self.deleted.insert(key.clone());
    }

    pub(super) fn edited(&self) -> usize {
        self.edited.len()
    }

    /// Returns the writes that bring the store to where the edits have brought the family.
    fn writes(&self) -> Result<Vec<Write>, Error> {
        let mut buffer = Vec::with_capacity(document::TYPICAL_LENGTH);
        let write = |(key, Edited { edit, new }): (&Key, &Edited)| {
            Ok(edit.write(key.clone(), &mut buffer)?.known_new(*new))
        };
        self.edited.iter().map(write).collect()
    }

    /// Takes note how long the values are that were encoded for these writes of all edits, and not before.
    fn measure(&mut self, writes: &[Write]) {
        for ((key, edited), write) in self.edited.iter().zip(writes) {
            if let (Edit::Put(_), Some(entry), Some(value)) =
                (&edited.edit, self.records.get_mut(key), write.value())
            {
                self.bytes += value.len();
                self.bytes -= entry.length();
                entry.measured(value.len());
            }
        }
    }

    /// Returns the edits as one batch on this head, to be sent; later edits come on top of them.
    pub(super) fn send(&mut self, commit_id: CommitId, at: Timestamp) -> Result<Batch, Error> {
        let writes = self.writes()?;
        self.measure(&writes);
        self.sent = std::mem::take(&mut self.edited);
        self.sent_as = Some(commit_id);
        self.at = self.at.max(at);
        Ok(Batch {
            expect: self.head,
            commit_id,
            at,
            writes,
        })
    }

    /// Takes note that what was sent is in the store.
    pub(super) fn committed(&mut self, version: Version) {
        self.head = version;
        self.sent.clear();
        self.sent_as = None;
    }

    /// Takes note that a commit has pruned answers before a key, all of which have lapsed: they are
    /// not read any more.
    pub(super) fn pruned(&mut self, version: Version, at: Timestamp, before: &str) {
        self.head = version;
        self.at = self.at.max(at);
        let lapsed = (Bound::Included(IDEMPOTENCY_PREFIX), Bound::Excluded(before));
        let known = self.records.range::<str, _>(lapsed).map(|(key, _)| key);
        let known = known.chain(self.absent.range::<str, _>(lapsed));
        for key in known.cloned().collect::<Vec<Key>>() {
            self.remove(&key);
            self.absent.remove(&key);
        }
    }
}

fn not_loaded(key: &str) -> Error {
    let message = format!("the command reads {key:?} but did not select it");
    Error::new(ErrorKind::Corrupt, "not_loaded", message)
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family")
            .field("partition", &self.partition)
            .field("head", &self.head)
            .field("records", &self.records.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
