use crate::entropy::{Entropy, SeededEntropy};

/// A seeded source of choices: with the same seed it makes the same ones.
///
/// ```
/// use mp_core::sim::Chance;
///
/// let (mut one, mut other) = (Chance::of(7), Chance::of(7));
/// assert_eq!(one.below(100), other.below(100));
/// assert!(one.pick(["tea", "soup"]).len() > 2);
/// ```
#[derive(Debug)]
pub struct Chance(SeededEntropy);

impl Chance {
    /// Creates the source of a seed.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// Returns a number below `bound`, zero if that is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    /// Returns true in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns one of several.
    pub fn pick<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        const { assert!(N > 0, "there must be something to pick") };
        let position = usize::try_from(self.below(N as u64)).unwrap_or_default();
        of[position]
    }

    /// Returns another source, whose choices do not depend on how many more are made here.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::of(self.number())
    }

    pub(super) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
