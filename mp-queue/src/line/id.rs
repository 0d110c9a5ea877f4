use std::{fmt, str::FromStr, time::Duration};

use chrono::{NaiveDate, NaiveTime};
use mp_core::{
    Error, Timestamp,
    id::{AppId, Name},
    store::Partition,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a line: a queue on one service day.
///
/// ```
/// use mp_queue::LineId;
///
/// let line = LineId::new("noodles".parse()?, "2026-11-21".parse()?);
/// assert_eq!(line.to_string(), "noodles.2026-11-21");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(
    Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct LineId {
    /// The queue: a counter, a stall, a restaurant.
    pub queue: Name,
    /// The day, in the venue's own reckoning.
    pub day: ServiceDay,
}

impl LineId {
    /// The kind of the line's partition.
    pub(crate) const PARTITION_KIND: &'static str = "line";

    /// Names the line of a queue on a day.
    #[must_use]
    pub const fn new(queue: Name, day: ServiceDay) -> Self {
        Self { queue, day }
    }

    /// Returns the partition that holds the line: `{app}/line/{queue}.{day}`.
    pub(crate) fn partition(&self, app: &AppId) -> Result<Partition, Error> {
        Partition::new(app, Self::PARTITION_KIND, &self.to_string())
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.queue, self.day)
    }
}

/// A venue's day of service: a calendar date of ISO 8601, `2026-11-21`.
///
/// When the day turns (midnight, or four in the morning for a bar) is the venue's business. The engine takes
/// a day for over when it is over everywhere: 48 hours after its date began at midnight in UTC. Until
/// then a line that is open gives out tickets, so [close](crate::Queues::close_line) it yourself at the end of the
/// evening.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServiceDay(NaiveDate);

impl ServiceDay {
    /// Returns whether the day is over everywhere, however late it turns at the venue: two days
    /// after it began in UTC.
    pub(crate) fn is_over(self, now: Timestamp) -> bool {
        let begin = self.0.and_time(NaiveTime::MIN).and_utc();
        let begin = Timestamp::from_micros(begin.timestamp_micros());
        begin.plus(Duration::from_secs(2 * 24 * 60 * 60)) <= now
    }
}

impl fmt::Display for ServiceDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

/// Says that a text is not a service day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a date such as 2026-11-21")]
pub struct ParseServiceDayError(());

impl FromStr for ServiceDay {
    type Err = ParseServiceDayError;

    fn from_str(text: &str) -> Result<Self, ParseServiceDayError> {
        let refused = ParseServiceDayError(());
        // The parser is lenient about spaces, signs and padding; a partition id must not be.
        let date: NaiveDate = text.parse().map_err(|_| refused)?;
        let day = Self(date);
        (text.len() == 10 && day.to_string() == text)
            .then_some(day)
            .ok_or(refused)
    }
}

mp_core::text_form!(
    ServiceDay,
    expected: "a date such as 2026-11-21",
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_one_spelling() {
        for text in ["2026-11-21", "2024-02-29", "0001-01-01"] {
            assert_eq!(text.parse::<ServiceDay>().expect(text).to_string(), text);
        }
        for text in [
            "",
            "2026-2-3",
            "2026-02-30",
            "+2026-01-01",
            "12026-01-01",
            " 2026-01-01",
            "2026-01-01 ",
            "2026/01/01",
        ] {
            assert!(text.parse::<ServiceDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_over_when_it_is_over_everywhere() {
        let day: ServiceDay = "2026-11-21".parse().expect("a day");
        let at = |text: &str| text.parse::<Timestamp>().expect(text);
        // Until noon of the 22nd it is still the 21st in UTC-12, and a bar closes in the morning.
        assert!(!day.is_over(at("2026-11-22T23:59:59Z")));
        assert!(day.is_over(at("2026-11-23T00:00:00Z")));
    }

    #[test]
    fn the_longest_names_still_make_a_partition() {
        let app = AppId::new(&"a".repeat(AppId::LENGTH_MAX)).expect("app");
        let queue = Name::new(&"q".repeat(Name::LENGTH_MAX)).expect("queue");
        let line = LineId::new(queue, "2026-11-21".parse().expect("day"));
        let partition = line.partition(&app).expect("fits");
        assert_eq!(partition.local_id(), line.to_string());
    }
}
