use std::{hash::Hash, num::NonZeroUsize};

use super::NearbyIndex;
use crate::{
    kd::Hit,
    point::Point,
    sphere::{UnitVector, reach_of_metres, widened},
};

/// What a search found: a key, its value, and how far away it lies.
#[derive(Debug, PartialEq)]
pub struct Near<'a, K, V> {
    /// The key.
    pub key: &'a K,
    /// Its value.
    pub value: &'a V,
    /// The distance from where the search started, in metres.
    pub metres: f64,
}

/// How many hits more than asked for a search fetches first, so that rounding at the last place
/// and the odd removed entry need no second look.
const SPARE_HITS: usize = 4;

/// By how much a search that a filter has starved looks further.
const GROWTH: usize = 4;

/// A search that wants more than one in this many points passes over all of them instead: keeping
/// a hit of the tree in order costs about as much as passing over this many points.
const SCAN_PART: usize = 64;

impl<K: Clone + Eq + Hash + Ord, V> NearbyIndex<K, V> {
    /// Returns the `k` nearest keys whose values match, by distance, then key.
    #[must_use]
    pub fn nearest(
        &self,
        from: Point,
        k: usize,
        matches: impl Fn(&V) -> bool,
    ) -> Vec<Near<'_, K, V>> {
        self.nearest_within(from, k, f64::INFINITY, matches)
    }

    /// Returns the `k` nearest keys within `metres` whose values match, by distance, then key.
    ///
    /// A distance that is negative or not a number reaches nothing.
    #[must_use]
    pub fn nearest_within(
        &self,
        from: Point,
        k: usize,
        metres: f64,
        matches: impl Fn(&V) -> bool,
    ) -> Vec<Near<'_, K, V>> {
        if k == 0 || reaches_nothing(metres) {
            return Vec::new();
        }
        let origin = from.unit_vector();
        let reach = reach_of_metres(metres);
        let hits = self.nearest_hits(origin, k, reach, &matches);
        let mut found = self.measure(origin, hits, metres);
        found.truncate(k);
        found
    }

    /// Returns every key within `metres` whose value matches, by distance, then key.
    ///
    /// A distance that is negative or not a number reaches nothing.
    #[must_use]
    pub fn within(
        &self,
        from: Point,
        metres: f64,
        matches: impl Fn(&V) -> bool,
    ) -> Vec<Near<'_, K, V>> {
        if reaches_nothing(metres) {
            return Vec::new();
        }
        let origin = from.unit_vector();
        let reach = reach_of_metres(metres);
        let mut hits = self.tree.within(origin, reach);
        hits.retain(|hit| self.is_match(hit.position, &matches));
        hits.extend(self.pending_hits(origin, reach, &matches));
        self.measure(origin, hits, metres)
    }

    /// Returns hits that include the `k` nearest matches and all that rounding could confuse
    /// with the last of them.
    ///
    /// The tree is asked for ever more hits until the `k`-th match is nearer, rounding included,
    /// than the last hit: then nothing unseen can be among the `k`.
    fn nearest_hits(
        &self,
        origin: UnitVector,
        k: usize,
        reach: f64,
        matches: &impl Fn(&V) -> bool,
    ) -> Vec<Hit> {
        let pending: Vec<Hit> = self.pending_hits(origin, reach, matches).collect();
        let mut wanted = k.saturating_add(SPARE_HITS);
        while wanted <= self.tree.len() / SCAN_PART + SPARE_HITS
            && let Some(count) = NonZeroUsize::new(wanted)
        {
            let mut hits = self.tree.nearest(origin, count, reach);
            let exhausted = hits.len() < wanted;
            let farthest = hits.last().map_or(0.0, |hit| hit.chord_squared);
            hits.retain(|hit| self.is_match(hit.position, matches));
            hits.extend(&pending);
            if cut_behind(&mut hits, k) < farthest || exhausted {
                return hits;
            }
            wanted = wanted.saturating_mul(GROWTH);
        }
        let mut hits: Vec<Hit> = self.hits_from(0, origin, reach, matches).collect();
        cut_behind(&mut hits, k);
        hits
    }

    /// Returns the matches that the tree does not cover.
    fn pending_hits(
        &self,
        origin: UnitVector,
        reach: f64,
        matches: &impl Fn(&V) -> bool,
    ) -> impl Iterator<Item = Hit> {
        self.hits_from(self.tree.len(), origin, reach, matches)
    }

    fn hits_from(
        &self,
        start: usize,
        origin: UnitVector,
        reach: f64,
        matches: &impl Fn(&V) -> bool,
    ) -> impl Iterator<Item = Hit> {
        let hit = move |position: usize| Hit {
            position,
            chord_squared: origin.chord_squared(self.slots[position].vector),
        };
        (start..self.slots.len())
            .map(hit)
            .filter(move |hit| hit.chord_squared <= reach && self.is_match(hit.position, matches))
    }

    fn is_match(&self, position: usize, matches: &impl Fn(&V) -> bool) -> bool {
        let entry = self.slots[position].entry.as_ref();
        entry.is_some_and(|(_, value)| matches(value))
    }

    /// Turns hits into answers: those within `metres`, by distance, then key.
    fn measure(&self, origin: UnitVector, hits: Vec<Hit>, metres: f64) -> Vec<Near<'_, K, V>> {
        let near = |hit: Hit| {
            let slot = &self.slots[hit.position];
            let (key, value) = slot.entry.as_ref()?;
            let metres = origin.metres(slot.vector);
            Some(Near { key, value, metres })
        };
        let mut found: Vec<_> = hits
            .into_iter()
            .filter_map(near)
            .filter(|near| near.metres <= metres)
            .collect();
        found.sort_unstable_by(|a, b| a.metres.total_cmp(&b.metres).then_with(|| a.key.cmp(b.key)));
        found
    }
}

fn reaches_nothing(metres: f64) -> bool {
    metres.is_nan() || metres < 0.0
}

/// Drops the hits that lie behind the `k`-th nearest whatever the rounding, and returns the
/// squared chord from which on a hit does; infinity while there are fewer than `k`.
fn cut_behind(hits: &mut Vec<Hit>, k: usize) -> f64 {
    if hits.len() < k {
        return f64::INFINITY;
    }
    let nearer = |a: &Hit, b: &Hit| a.chord_squared.total_cmp(&b.chord_squared);
    let (_, kth, _) = hits.select_nth_unstable_by(k - 1, nearer);
    let behind = widened(kth.chord_squared);
    hits.retain(|hit| hit.chord_squared <= behind);
    behind
}
