use std::{collections::BTreeMap, fmt::Display};

use super::invariant::Invariant;

/// How many violations are told.
pub(super) const TOLD_MAX: usize = 20;

/// The violations found, each a sentence that names the partition.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Invariant, Vec<String>>);

impl Findings {
    pub(super) fn add(&mut self, invariant: Invariant, partition: &str, problem: impl Display) {
        let told = self.0.entry(invariant).or_default();
        if told.len() < TOLD_MAX {
            told.push(format!("{invariant}: {partition}: {problem}"));
        }
    }

    /// Adds a violation unless the condition holds.
    pub(super) fn expect(
        &mut self,
        holds: bool,
        invariant: Invariant,
        partition: &str,
        problem: impl Display,
    ) {
        if !holds {
            self.add(invariant, partition, problem);
        }
    }

    pub(super) fn holds(&self, invariant: Invariant) -> bool {
        !self.0.contains_key(&invariant)
    }

    /// Returns the sentences, the first of every broken invariant before the second of any.
    pub(super) fn told(&self) -> Vec<&str> {
        (0..TOLD_MAX)
            .flat_map(|place| self.0.values().filter_map(move |told| told.get(place)))
            .take(TOLD_MAX)
            .map(String::as_str)
            .collect()
    }
}
