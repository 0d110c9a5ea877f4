use std::time::Duration;

use super::{Chance, Fault};
use crate::clock::{SKEW_MAX, Timestamp};

/// How one run is set: which faults, how many, how slow everything is.
///
/// Each run leaves some kinds of fault out and lets others strike often, because faults hide each
/// other: a process that crashes all the time never gets to lose a lease. Groce and others,
/// *Swarm Testing*, ISSTA 2012, measured what that finds more than one even mix.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    /// How many writes of a thousand meet a fault.
    pub(super) rate: u64,
    weights: [u64; Fault::ALL.len()],
    /// The longest that a call travels in one direction, in milliseconds.
    pub(super) travel_max: u64,
    /// The longest pause of a client between two commands, in milliseconds.
    pub(super) think_max: u64,
    /// How long a worker waits when nothing was due.
    pub(super) idle: Duration,
    /// What the true clock shows when the run begins.
    pub(super) origin: Timestamp,
}

const DAY: u64 = 24 * 60 * 60;

impl Mix {
    pub(super) fn draw(chance: &mut Chance) -> Self {
        Self {
            rate: chance.pick([0, 5, 20, 50, 100, 200]),
            weights: std::array::from_fn(|_| chance.pick([0, 1, 1, 2, 6])),
            travel_max: chance.pick([0, 2, 10, 60]),
            think_max: chance.pick([1, 20, 100, 500]),
            idle: Duration::from_millis(chance.pick([200, 1_000, 3_000])),
            origin: origin(chance),
        }
    }

    /// Draws what happens to a write, if anything does.
    pub(super) fn strike(&self, chance: &mut Chance) -> Option<Fault> {
        if chance.below(1_000) >= self.rate {
            return None;
        }
        let mut left = chance.below(self.weights.iter().sum());
        Fault::ALL
            .into_iter()
            .zip(self.weights)
            .find_map(|(fault, weight)| {
                let hit = left < weight;
                left = left.saturating_sub(weight);
                hit.then_some(fault)
            })
    }
}

/// Draws a moment of some day; in one run of four midnight comes during the run, when remembered
/// answers move to another period.
fn origin(chance: &mut Chance) -> Timestamp {
    let day = 20_000 + chance.below(1_000);
    let second = if chance.percent(25) {
        DAY - SKEW_MAX.as_secs() - chance.below(20)
    } else {
        chance.below(DAY)
    };
    Timestamp::MIN.plus(Duration::from_secs(day * DAY + second))
}
