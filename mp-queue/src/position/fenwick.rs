/// Which of the numbers 0, 1, 2, … are present, and how many of them are below a given one.
///
/// A bit per number, and over the words of 64 bits a tree of partial sums (P. M. Fenwick, *A New
/// Data Structure for Cumulative Frequency Tables*, Software: Practice and Experience 24(3), 1994).
/// Every operation is O(log n) in the greatest number seen; memory is 1.5 bits per number.
#[derive(Clone, Debug, Default)]
pub(super) struct Fenwick {
    words: Vec<u64>,
    /// `sums[i]` counts the bits of the words `i - (i & -i) .. i`; the first is unused.
    sums: Vec<u32>,
    present: u32,
}

impl Fenwick {
    /// Adds a number; nothing happens if it is present.
    pub(super) fn insert(&mut self, number: u32) {
        self.grow_to(word_of(number) + 1);
        let word = &mut self.words[word_of(number)];
        if *word & bit_of(number) == 0 {
            *word |= bit_of(number);
            self.present += 1;
            self.add(word_of(number), 1);
        }
    }

    /// Removes a number; nothing happens if it is absent.
    pub(super) fn remove(&mut self, number: u32) {
        if self.contains(number) {
            self.words[word_of(number)] &= !bit_of(number);
            self.present -= 1;
            self.add(word_of(number), -1);
        }
    }

    /// Returns whether a number is present.
    pub(super) fn contains(&self, number: u32) -> bool {
        let word = self.words.get(word_of(number)).copied().unwrap_or(0);
        word & bit_of(number) != 0
    }

    /// Returns how many present numbers are below this one.
    pub(super) fn below(&self, number: u32) -> u32 {
        let Some(word) = self.words.get(word_of(number)) else {
            return self.present;
        };
        let within = (word & (bit_of(number) - 1)).count_ones();
        self.sum(word_of(number)) + within
    }

    /// Returns the count of the words before `end`.
    fn sum(&self, end: usize) -> u32 {
        let mut index = end;
        let mut sum = 0;
        while index > 0 {
            sum += self.sums[index];
            index &= index - 1;
        }
        sum
    }

    fn add(&mut self, word: usize, change: i32) {
        let mut index = word + 1;
        while index < self.sums.len() {
            self.sums[index] = self.sums[index].wrapping_add_signed(change);
            index += index & index.wrapping_neg();
        }
    }

    /// Doubles the room until there are `words`; of the new sums only the last covers old words.
    fn grow_to(&mut self, words: usize) {
        while self.words.len() < words {
            let room = (self.words.len() * 2).max(1);
            self.words.resize(room, 0);
            self.sums.resize(room + 1, 0);
            self.sums[room] = self.present;
        }
    }
}

const fn word_of(number: u32) -> usize {
    (number / u64::BITS) as usize
}

const fn bit_of(number: u32) -> u64 {
    1 << (number % u64::BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(u32),
        Remove(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let number = prop_oneof![0..80_u32, 0..5_000_u32];
        let step = (any::<bool>(), number).prop_map(|(insert, number)| {
            if insert {
                Step::Insert(number)
            } else {
                Step::Remove(number)
            }
        });
        proptest::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn counts_agree_with_a_naive_count(steps in steps(), asked in 0..6_000_u32) {
            let mut tree = Fenwick::default();
            let mut naive = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Insert(number) => {
                        tree.insert(number);
                        naive.insert(number);
                    }
                    Step::Remove(number) => {
                        tree.remove(number);
                        naive.remove(&number);
                    }
                }
                for number in [asked, 0, 63, 64, 65] {
                    prop_assert_eq!(tree.below(number) as usize, naive.range(..number).count());
                    prop_assert_eq!(tree.contains(number), naive.contains(&number));
                }
            }
        }
    }

    #[test]
    fn an_empty_tree_counts_nothing() {
        let mut tree = Fenwick::default();
        tree.remove(7);
        assert_eq!((tree.below(0), tree.below(u32::MAX)), (0, 0));
    }
}
