use std::time::Duration;

use crate::clock::Timestamp;

/// How long a window of the measured lags is: quantiles are those of one to two windows.
pub(super) const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Buckets to a doubling: a quantile is told at most a quarter too long.
const BUCKETS_PER_DOUBLING: usize = 4;

/// Enough for two to the power of 40 microseconds, twelve days.
const BUCKETS: usize = 40 * BUCKETS_PER_DOUBLING;

/// How late work was leased lately, as counts by duration.
#[derive(Debug)]
pub(super) struct Lags {
    present: Box<[u64; BUCKETS]>,
    past: Box<[u64; BUCKETS]>,
    present_since: Timestamp,
}

impl Lags {
    pub(super) fn new() -> Self {
        Self {
            present: Box::new([0; BUCKETS]),
            past: Box::new([0; BUCKETS]),
            present_since: Timestamp::MIN,
        }
    }

    /// Counts a lag that was seen at `now`.
    pub(super) fn note(&mut self, lag: Duration, now: Timestamp) {
        self.turn_to(now);
        self.present[bucket(lag)] += 1;
    }

    /// Returns the lag that a part `q` of all, between 0 and 1, did not exceed lately, rounded up to
    /// the end of its bucket; zero if there were none.
    pub(super) fn quantile(&mut self, q: f64, now: Timestamp) -> Duration {
        self.turn_to(now);
        let counts = self.present.iter().zip(&*self.past).map(|(a, b)| a + b);
        let all: u64 = counts.clone().sum();
        let mut wanted = (q * all as f64).ceil() as u64;
        for (bucket, count) in counts.enumerate() {
            if count > 0 && count >= wanted {
                return bucket_end(bucket);
            }
            wanted -= count;
        }
        Duration::ZERO
    }

    /// Forgets what is older than two windows.
    fn turn_to(&mut self, now: Timestamp) {
        let age = now.since(self.present_since);
        if age < WINDOW {
            return;
        }
        std::mem::swap(&mut self.present, &mut self.past);
        self.present.fill(0);
        if age >= WINDOW * 2 {
            self.past.fill(0);
        }
        self.present_since = now;
    }
}

/// Returns the bucket of a duration: by its highest three binary digits, in microseconds.
fn bucket(lag: Duration) -> usize {
    let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
    let exponent = micros.max(1).ilog2() as usize;
    if exponent < 2 {
        return micros as usize;
    }
    let digits = (micros >> (exponent - 2)) as usize;
    ((exponent - 2) * BUCKETS_PER_DOUBLING + digits).min(BUCKETS - 1)
}

/// Returns the longest duration of a bucket.
fn bucket_end(bucket: usize) -> Duration {
    let next = bucket + 1;
    if next <= 2 * BUCKETS_PER_DOUBLING {
        return Duration::from_micros(bucket as u64);
    }
    let exponent = next / BUCKETS_PER_DOUBLING - 1;
    let digits = BUCKETS_PER_DOUBLING + next % BUCKETS_PER_DOUBLING;
    Duration::from_micros(((digits as u64) << exponent) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[test]
    fn buckets_follow_one_another_and_cover_twelve_days() {
        for bucket_number in 0..BUCKETS - 1 {
            let end = bucket_end(bucket_number);
            assert_eq!(bucket(end), bucket_number, "{end:?}");
            assert_eq!(bucket(end + Duration::from_micros(1)), bucket_number + 1);
        }
        assert!(bucket_end(BUCKETS - 1) > Duration::from_secs(12 * 24 * 3_600));
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn lags_of_long_ago_are_forgotten() {
        let mut lags = Lags::new();
        lags.note(Duration::from_secs(100), NOW);
        let later = NOW.plus(WINDOW);
        lags.note(Duration::from_secs(1), later);
        assert!(lags.quantile(1.0, later) >= Duration::from_secs(100));
        let much_later = later.plus(WINDOW);
        assert!(lags.quantile(1.0, much_later) < Duration::from_secs(2));
        assert_eq!(lags.quantile(1.0, much_later.plus(WINDOW)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_quarter_too_long(
            mut micros in prop::collection::vec(0_u64..10_000_000_000, 1..200),
            q in 0.01_f64..=1.0,
        ) {
            let mut lags = Lags::new();
            for each in &micros {
                lags.note(Duration::from_micros(*each), NOW);
            }
            micros.sort_unstable();
            let rank = (q * micros.len() as f64).ceil() as usize;
            let exact = micros[rank - 1];
            let told = u64::try_from(lags.quantile(q, NOW).as_micros()).expect("fits");
            prop_assert!(exact <= told && told <= exact + exact / 4, "{told} for {exact}");
        }
    }
}
