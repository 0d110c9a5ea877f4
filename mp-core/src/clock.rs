//! Time, which always comes from outside: [`Timestamp`], [`Clock`], and two clocks.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Datelike, Days};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::text::Short;

/// A moment in microseconds since 1970-01-01T00:00:00Z, leap seconds ignored as in POSIX time.
///
/// Its text form is RFC 3339 in UTC with six decimals, so that text order is time order.
///
/// ```
/// use std::time::Duration;
/// use mp_core::clock::Timestamp;
///
/// let opening: Timestamp = "2026-11-21T18:00:00Z".parse()?;
/// assert_eq!(opening.plus(Duration::from_secs(90)).to_string(), "2026-11-21T18:01:30.000000Z");
/// # Ok::<(), mp_core::clock::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment that has a text form (the end of the year 9999).
    pub const MAX: Self = Self(253_402_300_799_999_999);
    /// The earliest moment that has a text form here (1970-01-01T00:00:00Z).
    pub const MIN: Self = Self(0);

    /// Returns the moment `micros` microseconds after 1970, clamped to [`MIN`](Self::MIN) and
    /// [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Returns the microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the whole milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        (self.0 / 1_000).unsigned_abs()
    }

    /// Returns the moment `span` later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Returns the moment `span` earlier, at least [`MIN`](Self::MIN).
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// Returns the time that passed since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the text form; every stored value has a few, so it is written digit by digit.
    fn text(self) -> Short<32> {
        let (seconds, micros) = (self.0 / 1_000_000, (self.0 % 1_000_000) as u32);
        let (days, second) = ((seconds / 86_400) as u32, (seconds % 86_400) as u32);
        let [year, month, day] = date_of(days);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        for (place, two_digits) in [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, second / 3_600),
            (14, second / 60 % 60),
            (17, second % 60),
            (20, micros / 10_000),
            (22, micros / 100 % 100),
            (24, micros % 100),
        ] {
            write_digits(&mut text[place..place + 2], two_digits);
        }
        Short::of_ascii(text)
    }
}

/// Returns the year, the month and the day that come so many days after 1970-01-01.
fn date_of(days: u32) -> [u32; 3] {
    let date = DateTime::UNIX_EPOCH
        .date_naive()
        .checked_add_days(Days::new(days.into()));
    let date = date.unwrap_or_default();
    [date.year().unsigned_abs(), date.month(), date.day()]
}

/// Fills a place with a number in decimal, and with zeros in front.
pub(crate) fn write_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// The text is not an RFC 3339 moment between 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 moment such as 2026-11-21T18:00:00Z")]
pub struct ParseTimestampError(());

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| ParseTimestampError(()))?;
        let micros = moment.timestamp_micros();
        let clamped = Self::from_micros(micros);
        if clamped.0 == micros {
            Ok(clamped)
        } else {
            Err(ParseTimestampError(()))
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// Tells the time; the host supplies it.
///
/// # Contract
/// 1. *Close.* A clock is off by less than [`SKEW_MAX`], so that two differ by less than twice that;
///    leases are ten times longer. Time may jump back: inside a partition, decisions see the later
///    of the clock and the partition's last commit.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the present moment.
    fn now(&self) -> Timestamp;
}

/// How far the clock of a process may be off.
pub const SKEW_MAX: Duration = Duration::from_secs(5);

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |span| span.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved: for tests, simulations and doctests.
///
/// ```
/// use std::time::Duration;
/// use mp_core::clock::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::at(Timestamp::from_micros(1_000_000));
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(clock.now(), Timestamp::from_micros(2_000_000));
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Creates a clock that shows `start`.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward, at most to [`Timestamp::MAX`].
    pub fn advance(&self, span: Duration) {
        let later = |micros| Timestamp(micros).plus(span).0;
        self.0.update(Ordering::SeqCst, Ordering::SeqCst, later);
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{SecondsFormat, Utc};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_text_is_rfc_3339_with_six_decimals(micros in 0..=Timestamp::MAX.0, near in 0..2_i64) {
            const DAY: i64 = 24 * 60 * 60 * 1_000_000;
            // Any moment, and those on both sides of a midnight.
            for micros in [micros, micros / DAY * DAY, (micros / DAY * DAY - near).max(0)] {
                let moment = DateTime::<Utc>::from_timestamp_micros(micros).expect("has a date");
                let plain = moment.to_rfc3339_opts(SecondsFormat::Micros, true);
                prop_assert_eq!(Timestamp(micros).to_string(), plain);
            }
        }
    }

    #[test]
    fn text_order_is_time_order() {
        let moments = [
            0,
            1,
            999_999,
            1_000_000,
            1_795_000_000_000_000,
            Timestamp::MAX.0,
        ];
        let texts: Vec<String> = moments
            .iter()
            .map(|m| Timestamp::from_micros(*m).to_string())
            .collect();
        assert!(texts.is_sorted());
        for (micros, text) in moments.iter().zip(&texts) {
            assert_eq!(text.parse(), Ok(Timestamp(*micros)), "{text}");
        }
    }

    #[test]
    fn moments_before_1970_and_nonsense_are_refused() {
        for text in [
            "1969-12-31T23:59:59Z",
            "2026-11-21",
            "",
            "2026-13-01T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_is_moved_on_never_runs_back() {
        let clock = ManualClock::at(Timestamp::from_micros(1));
        for span in [Duration::from_secs(1), Duration::MAX, Duration::MAX] {
            let before = clock.now();
            clock.advance(span);
            assert!(clock.now() >= before);
        }
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
