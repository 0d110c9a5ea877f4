//! When an emission is looked at again whose turn has not come.

use std::time::Duration;

use crate::clock::Timestamp;

/// The longest pause: 17 minutes, the longest doubling of a second below the longest pause of work that
/// has failed.
const TICK_MAX: Duration = Duration::from_secs(1 << 10);

/// The shortest pause before a full feed is looked at again: it makes room once in an hour.
pub(super) const TICK_OF_FULL: Duration = Duration::from_secs(1 << 6);

/// Returns the next tick, for what was told at `told` and waits for `missing` events of its source.
///
/// The ticks of an old emission are rarer, so that a long backlog is not looked at all the time. But they
/// are those of a younger one too: what waits for the same event comes due with it, and behind it by
/// as many microseconds as there are events between, so that each finds the one before it in the feed
/// or hands on to the next.
pub(super) fn next_tick(
    now: Timestamp,
    told: Timestamp,
    missing: u64,
    shortest: Duration,
) -> Timestamp {
    let age = now.since(told).max(shortest).min(TICK_MAX);
    let tick = 1_000_000_i64 << age.as_secs().max(1).ilog2();
    let begins = Timestamp::from_micros((now.as_micros() / tick + 1) * tick);
    let behind = Duration::from_micros(missing.min(tick.unsigned_abs() / 2));
    begins.plus(behind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

    fn tick_of(age: Duration, missing: u64) -> Timestamp {
        next_tick(NOW, NOW.minus(age), missing, Duration::ZERO)
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_the_age_or_the_longest(micros in 1_000_000..86_400_000_000_u64) {
            let age = Duration::from_micros(micros);
            let pause = tick_of(age, 0).since(NOW);
            prop_assert!(pause > Duration::ZERO && pause <= age.min(TICK_MAX));
        }

        #[test]
        fn who_waits_longer_comes_due_with_the_others_and_before_them(
            now in 0..=Timestamp::MAX.as_micros() / 2,
            old in 0..100_000_u64,
            young in 0..100_000_u64,
            missing in 1..400_000_u64,
        ) {
            let now = Timestamp::from_micros(now);
            let (old, young) = (old.max(young), young.min(old));
            let told = |age| now.minus(Duration::from_secs(age));
            let first = next_tick(now, told(old), missing, Duration::ZERO);
            // The young one looks until then.
            let (mut at, mut next) = (now, now);
            while next < first {
                at = next;
                next = next_tick(at, told(young), missing + 1, Duration::ZERO);
            }
            prop_assert!(at < first);
            prop_assert_eq!(next.since(first), Duration::from_micros(1));
        }
    }
}
