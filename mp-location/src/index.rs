use std::{collections::HashMap, fmt, hash::Hash};

use crate::{kd::KdTree, point::Point, sphere::UnitVector};

mod search;

pub use self::search::Near;

/// How many additions and removals an index takes up before it rebuilds its tree.
///
/// Until then a search looks at each addition in turn, about a microsecond for all of them.
pub const INDEX_PENDING_MAX: usize = 1_024;

/// Answers which keys are nearest to a point: exactly, everywhere on the globe.
///
/// The distance is [`Point::distance`], ties go to the lesser key, and every answer equals that of
/// looking at each point in turn. A filter does not change that: the nearest five *open* stalls are
/// those, however many closed ones lie nearer.
///
/// Points live in a static k-d tree of unit vectors (the `kiddo` crate); additions and removals
/// since it was built stand beside it, at most [`INDEX_PENDING_MAX`] of them.
///
/// ```
/// use mp_location::{NearbyIndex, Point};
///
/// let index: NearbyIndex<&str, &str> = [
///     ("taveuni", Point::new(-16.82, -179.97)?, "island"),
///     ("labasa", Point::new(-16.42, 179.38)?, "town"),
///     ("suva", Point::new(-18.14, 178.44)?, "town"),
/// ]
/// .into_iter()
/// .collect();
///
/// // The 180° meridian runs through Fiji; the nearest place lies across it.
/// let here = Point::new(-16.80, 179.99)?;
/// let near = index.nearest(here, 1, |_| true);
/// assert_eq!((*near[0].key, near[0].metres.round()), ("taveuni", 4_804.0));
///
/// let towns = index.within(here, 100_000.0, |kind| *kind == "town");
/// assert_eq!(towns.iter().map(|town| *town.key).collect::<Vec<_>>(), ["labasa"]);
/// # Ok::<(), mp_location::InvalidPoint>(())
/// ```
pub struct NearbyIndex<K, V> {
    /// Every addition in the order it was made; a removal leaves a hole until the next rebuild.
    entries: Vec<Option<Entry<K, V>>>,
    /// Where the entries lie, holes included.
    vectors: Vec<UnitVector>,
    positions: HashMap<K, usize>,
    /// Covers a prefix of the vectors.
    tree: KdTree,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
}

impl<K: Clone + Eq + Hash + Ord, V> NearbyIndex<K, V> {
    /// Creates an empty index.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            vectors: Vec::new(),
            positions: HashMap::new(),
            tree: KdTree::EMPTY,
        }
    }

    /// Returns how many points the index holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Returns whether the index holds no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        let entry = self.entries[*self.positions.get(key)?].as_ref();
        entry.map(|entry| &entry.value)
    }

    /// Returns the keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.positions.keys()
    }

    /// Adds a point under a key, or moves the key there, and returns the value it replaces.
    pub fn insert(&mut self, key: K, point: Point, value: V) -> Option<V> {
        let replaced = self.put(key, point, value);
        self.settle();
        replaced
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let position = self.positions.remove(key)?;
        let removed = self.entries[position].take().map(|entry| entry.value);
        self.settle();
        removed
    }

    fn put(&mut self, key: K, point: Point, value: V) -> Option<V> {
        let position = self.entries.len();
        self.vectors.push(point.unit_vector());
        self.entries.push(Some(Entry {
            key: key.clone(),
            value,
        }));
        let replaced = self.positions.insert(key, position)?;
        self.entries[replaced].take().map(|entry| entry.value)
    }

    /// Rebuilds the tree once more than [`INDEX_PENDING_MAX`] changes stand beside it.
    fn settle(&mut self) {
        let added = self.entries.len() - self.tree.len();
        let holes = self.entries.len() - self.positions.len();
        if added + holes > INDEX_PENDING_MAX {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        let entries = std::mem::take(&mut self.entries).into_iter();
        let vectors = std::mem::take(&mut self.vectors);
        for (entry, vector) in entries.zip(vectors) {
            if let Some(entry) = entry {
                self.positions.insert(entry.key.clone(), self.entries.len());
                self.entries.push(Some(entry));
                self.vectors.push(vector);
            }
        }
        self.tree = KdTree::build(&self.vectors);
    }
}

impl<K: Clone + Eq + Hash + Ord, V> Extend<(K, Point, V)> for NearbyIndex<K, V> {
    /// Adds many points and rebuilds the tree at most once.
    fn extend<I: IntoIterator<Item = (K, Point, V)>>(&mut self, points: I) {
        for (key, point, value) in points {
            self.put(key, point, value);
        }
        self.settle();
    }
}

impl<K: Clone + Eq + Hash + Ord, V> FromIterator<(K, Point, V)> for NearbyIndex<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, Point, V)>>(points: I) -> Self {
        let mut index = Self::new();
        for (key, point, value) in points {
            index.put(key, point, value);
        }
        index.rebuild();
        index
    }
}

impl<K: Clone + Eq + Hash + Ord, V> Default for NearbyIndex<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for NearbyIndex<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearbyIndex")
            .field("len", &self.positions.len())
            .field("tree", &self.tree)
            .finish_non_exhaustive()
    }
}
