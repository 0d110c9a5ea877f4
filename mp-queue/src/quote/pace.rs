use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::QUOTE_MAX;

/// How many intervals must have been seen before a pace nobody announced is believed.
pub(super) const INTERVALS_MIN: u32 = 3;

/// After so many intervals the mean forgets: each new one weighs one part in so many.
const INTERVALS_REMEMBERED: u32 = 48;

/// How many seen intervals the one announced at the opening weighs as much as.
const ANNOUNCED_WEIGHT: u32 = 4;

/// How fast a lane moves: the mean time between two calls while people wait, `1 / (s·mu)`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Pace {
    /// The mean interval in microseconds; none before the first.
    interval_us: Option<u64>,
    /// What the mean rests on: how many intervals, at most [`INTERVALS_REMEMBERED`].
    weight: u32,
}

impl Pace {
    /// Creates the pace that the venue announces at the opening, or an unknown one.
    #[must_use]
    pub fn expected(interval: Option<Duration>) -> Self {
        Self {
            interval_us: interval.map(micros),
            weight: interval.map_or(0, |_| ANNOUNCED_WEIGHT),
        }
    }

    /// Returns the mean time between two calls, once it is known well enough.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        let known = self.weight >= INTERVALS_MIN;
        self.interval_us
            .filter(|_| known)
            .map(Duration::from_micros)
    }

    /// Takes note of the time between two calls during which somebody was always waiting.
    pub fn observe(&mut self, interval: Duration) {
        self.weight = self.weight.saturating_add(1).min(INTERVALS_REMEMBERED);
        let seen = micros(interval);
        let mean = self.interval_us.unwrap_or(seen);
        let step = seen.abs_diff(mean) / u64::from(self.weight);
        self.interval_us = Some(if seen > mean {
            mean + step
        } else {
            mean - step
        });
    }
}

/// Returns a span in microseconds, at most [`QUOTE_MAX`], so that a mean of spans never overflows.
fn micros(span: Duration) -> u64 {
    u64::try_from(span.min(QUOTE_MAX).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_nobody_announced_is_unknown_until_it_was_seen() {
        let mut pace = Pace::expected(None);
        for seen in 0..INTERVALS_MIN {
            assert_eq!(pace.interval(), None, "{seen}");
            pace.observe(Duration::from_secs(60));
        }
        assert_eq!(pace.interval(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_announced_pace_holds_at_once_and_gives_way_to_what_is_seen() {
        let mut pace = Pace::expected(Some(Duration::from_secs(60)));
        assert_eq!(pace.interval(), Some(Duration::from_secs(60)));
        for _ in 0..400 {
            pace.observe(Duration::from_secs(120));
        }
        let seconds = pace.interval().expect("known").as_secs_f64();
        assert!((seconds - 120.0).abs() < 0.5, "{seconds}");
    }

    #[test]
    fn extreme_intervals_neither_overflow_nor_wrap() {
        let mut pace = Pace::expected(Some(Duration::MAX));
        for span in [Duration::ZERO, Duration::MAX, Duration::ZERO] {
            pace.observe(span);
            assert!(pace.interval().expect("known") <= QUOTE_MAX);
        }
    }
}
