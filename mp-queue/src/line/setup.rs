use std::time::Duration;

use mp_core::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LaneLetter;
use crate::quote::{QUOTE_MAX, millis};

/// The most tickets that a line may issue, requeued ones counted again.
pub const TICKETS_MAX: u32 = 50_000;

/// The most tickets that one user may take of a line, those that were given up included: a line has
/// only so many, and whoever joins and leaves again uses them up for everybody.
pub const TICKETS_EACH_MAX: u32 = 10;

/// The shortest grace period: with none at all, everybody who is called is a no-show at once.
pub const GRACE_MIN: Duration = Duration::from_secs(1);

/// The longest grace period.
pub const GRACE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest time between two calls that can be expected: quotes made of none stay at none,
/// whatever the lane learns.
pub const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// The most tickets ahead at which a person can be told that their turn is near.
pub const NEAR_MAX: u32 = 100;

/// How a line is set up when it opens.
///
/// ```
/// use mp_queue::{LaneSetup, LineSetup};
///
/// let setup = LineSetup::new(vec![
///     LaneSetup::new("A".parse()?, 1, 2),
///     LaneSetup::new("B".parse()?, 3, 4),
///     LaneSetup::new("C".parse()?, 5, 12),
/// ]);
/// assert_eq!(setup.grace.as_secs(), 180);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LineSetup {
    /// The lanes, 1 to 26, with letters of their own and party sizes that do not overlap.
    pub lanes: Vec<LaneSetup>,
    /// The most tickets issued, 1 to [`TICKETS_MAX`]; that by default.
    #[serde(default = "LineSetup::tickets_max")]
    pub tickets_max: u32,
    /// How long a called person has to come, [`GRACE_MIN`] to [`GRACE_MAX`], in milliseconds; three
    /// minutes by default.
    #[serde(default = "LineSetup::grace", rename = "grace_ms", with = "millis")]
    #[schemars(with = "u64")]
    pub grace: Duration,
    /// With how many ahead a person is told that their turn is near, up to [`NEAR_MAX`]; three by
    /// default.
    #[serde(default = "LineSetup::near")]
    pub near: u32,
}

impl LineSetup {
    /// Sets up a line with these lanes and the defaults.
    #[must_use]
    pub const fn new(lanes: Vec<LaneSetup>) -> Self {
        Self {
            lanes,
            tickets_max: Self::tickets_max(),
            grace: Self::grace(),
            near: Self::near(),
        }
    }

    const fn tickets_max() -> u32 {
        TICKETS_MAX
    }

    const fn grace() -> Duration {
        Duration::from_secs(180)
    }

    const fn near() -> u32 {
        3
    }

    /// Refuses what no line could be opened with.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.lanes.is_empty() {
            return Err(Error::invalid(
                "setup.lanes",
                "is empty: name one lane or more",
            ));
        }
        for (index, lane) in self.lanes.iter().enumerate() {
            lane.check(index)?;
            if self.lanes[..index].iter().any(|other| other.collides(lane)) {
                let field = format!("setup.lanes[{index}]");
                return Err(Error::invalid(
                    field,
                    "has the letter or party sizes of another lane",
                ));
            }
        }
        check(
            "setup.tickets_max",
            (1..=TICKETS_MAX).contains(&self.tickets_max),
        )?;
        let graces = GRACE_MIN..=GRACE_MAX;
        check("setup.grace_ms", graces.contains(&self.grace))?;
        check("setup.near", self.near <= NEAR_MAX)
    }
}

/// How one lane is set up: a party-size class with a letter and an order of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LaneSetup {
    /// The lane's letter.
    pub letter: LaneLetter,
    /// The smallest party, from 1.
    pub party_min: u32,
    /// The largest party.
    pub party_max: u32,
    /// The time between two calls that the venue expects, [`INTERVAL_MIN`] to [`QUOTE_MAX`], in
    /// milliseconds; with it, the first tickets get a quote too.
    #[serde(default, rename = "interval_ms", with = "millis::option")]
    #[schemars(with = "Option<u64>")]
    pub interval: Option<Duration>,
}

impl LaneSetup {
    /// Sets up a lane for parties of `party_min` to `party_max` persons.
    #[must_use]
    pub const fn new(letter: LaneLetter, party_min: u32, party_max: u32) -> Self {
        Self {
            letter,
            party_min,
            party_max,
            interval: None,
        }
    }

    /// Expects this time between two calls.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    fn check(&self, index: usize) -> Result<(), Error> {
        let sizes = 1 <= self.party_min && self.party_min <= self.party_max;
        check(&format!("setup.lanes[{index}].party_min"), sizes)?;
        let intervals = INTERVAL_MIN..=QUOTE_MAX;
        let interval = self.interval.as_ref();
        let within = interval.is_none_or(|interval| intervals.contains(interval));
        check(&format!("setup.lanes[{index}].interval_ms"), within)
    }

    fn collides(&self, other: &Self) -> bool {
        let overlap = self.party_min <= other.party_max && other.party_min <= self.party_max;
        self.letter == other.letter || overlap
    }
}

fn check(field: &str, within: bool) -> Result<(), Error> {
    if within {
        Ok(())
    } else {
        Err(Error::invalid(field.to_owned(), "is out of its range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(letter: &str, min: u32, max: u32) -> LaneSetup {
        LaneSetup::new(letter.parse().expect("a letter"), min, max)
    }

    fn refused(setup: &LineSetup) -> Option<String> {
        setup.check().err()?.field().map(str::to_owned)
    }

    #[test]
    fn lanes_that_overlap_or_are_empty_are_refused_by_name() {
        let field = |lanes| refused(&LineSetup::new(lanes));
        assert_eq!(field(vec![lane("A", 1, 2), lane("B", 3, 4)]), None);
        for (lanes, expected) in [
            (vec![], "setup.lanes"),
            (vec![lane("A", 0, 2)], "setup.lanes[0].party_min"),
            (
                vec![lane("A", 1, 2), lane("B", 5, 4)],
                "setup.lanes[1].party_min",
            ),
            (vec![lane("A", 1, 2), lane("A", 3, 4)], "setup.lanes[1]"),
            (vec![lane("A", 1, 3), lane("B", 3, 4)], "setup.lanes[1]"),
            (
                vec![lane("A", 1, 3).with_interval(Duration::MAX)],
                "setup.lanes[0].interval_ms",
            ),
            (
                vec![lane("A", 1, 3).with_interval(Duration::ZERO)],
                "setup.lanes[0].interval_ms",
            ),
        ] {
            assert_eq!(field(lanes).as_deref(), Some(expected));
        }
    }

    #[test]
    fn limits_out_of_range_are_refused_by_name() {
        let with = |change: fn(&mut LineSetup)| {
            let mut setup = LineSetup::new(vec![lane("A", 1, 4)]);
            change(&mut setup);
            refused(&setup)
        };
        let field = |name: &str| Some(name.to_owned());
        assert_eq!(
            with(|setup| setup.tickets_max = 0),
            field("setup.tickets_max")
        );
        assert_eq!(
            with(|setup| setup.tickets_max = TICKETS_MAX + 1),
            field("setup.tickets_max")
        );
        assert_eq!(
            with(|setup| setup.grace = Duration::MAX),
            field("setup.grace_ms")
        );
        assert_eq!(
            with(|setup| setup.grace = Duration::ZERO),
            field("setup.grace_ms")
        );
        assert_eq!(with(|setup| setup.grace = GRACE_MIN), None);
        assert_eq!(with(|setup| setup.near = NEAR_MAX + 1), field("setup.near"));
    }

    #[test]
    fn defaults_are_filled_in_when_read() {
        let text = r#"{"lanes":[{"letter":"A","party_min":1,"party_max":4}]}"#;
        let read: LineSetup = serde_json::from_str(text).expect("reads");
        assert_eq!(read, LineSetup::new(vec![lane("A", 1, 4)]));
        assert!(serde_json::from_str::<LineSetup>(r#"{"lanes":[],"graze_ms":1}"#).is_err());
    }
}
