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
    /// Every addition in the order it was made.
    slots: Vec<Slot<K, V>>,
    positions: HashMap<K, usize>,
    /// Covers a prefix of the slots.
    tree: KdTree,
}

/// A point, and what lies there; a removal leaves a slot empty until the next rebuild.
struct Slot<K, V> {
    vector: UnitVector,
    entry: Option<(K, V)>,
}

impl<K: Clone + Eq + Hash + Ord, V> NearbyIndex<K, V> {
    /// Creates an empty index.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
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
        let (_, value) = self.slots[*self.positions.get(key)?].entry.as_ref()?;
        Some(value)
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
        let removed = self.slots[position].empty();
        self.settle();
        removed
    }

    fn put(&mut self, key: K, point: Point, value: V) -> Option<V> {
        let position = self.slots.len();
        self.slots.push(Slot {
            vector: point.unit_vector(),
            entry: Some((key.clone(), value)),
        });
        let replaced = self.positions.insert(key, position)?;
        self.slots[replaced].empty()
    }

    /// Rebuilds the tree once more than [`INDEX_PENDING_MAX`] changes stand beside it.
    fn settle(&mut self) {
        let added = self.slots.len() - self.tree.len();
        let empty = self.slots.len() - self.positions.len();
        if added + empty > INDEX_PENDING_MAX {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        // Without a tree every slot is looked at, so the index is exact at each step from here.
        self.tree = KdTree::EMPTY;
        self.slots.retain(|slot| slot.entry.is_some());
        for (position, slot) in self.slots.iter().enumerate() {
            if let Some((key, _)) = &slot.entry {
                self.positions.insert(key.clone(), position);
            }
        }
        let vectors: Vec<UnitVector> = self.slots.iter().map(|slot| slot.vector).collect();
        self.tree = KdTree::build(&vectors);
    }
}

impl<K, V> Slot<K, V> {
    fn empty(&mut self) -> Option<V> {
        self.entry.take().map(|(_, value)| value)
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
