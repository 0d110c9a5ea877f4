//! How a report writes what stands in its cells.

use mp_core::amount::Currency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the sign of an amount means. Ours is above zero for what comes in.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sign {
    /// The same as ours.
    #[default]
    AsIs,
    /// The opposite of ours.
    Negated,
    /// Nothing: such lines are of what comes in.
    In,
    /// Nothing: such lines are of what goes out.
    Out,
}

/// How a report writes amounts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum AmountFormat {
    /// As a decimal number of whole units. Decimals beyond those of the currency have to be zeros.
    #[non_exhaustive]
    Decimal {
        /// What stands before the decimals.
        #[serde(default = "dot")]
        point: char,
        /// What stands between thousands, if anything does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grouping: Option<char>,
    },
    /// As a whole number of minor units: those of ISO 4217, unless the reader is told
    /// [others](super::ReportReader::with_minor_units).
    Minor,
}

impl AmountFormat {
    /// Returns the format of decimal numbers such as `1.234,50`.
    #[must_use]
    pub const fn decimal(point: char, grouping: Option<char>) -> Self {
        Self::Decimal { point, grouping }
    }
}

impl Default for AmountFormat {
    fn default() -> Self {
        Self::decimal(dot(), None)
    }
}

/// Where the currency of a line stands.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CurrencyOf {
    /// In this column, as a code of ISO 4217 in capitals or small letters.
    Column(String),
    /// Nowhere: it is always this one.
    Always(Currency),
}

/// Where the time of a line stands, and how it is written.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TimeOf {
    /// In which column.
    pub column: String,
    /// How it is written.
    pub format: TimeFormat,
}

impl TimeOf {
    /// Returns where a time stands and how it is written.
    #[must_use]
    pub fn new(column: &str, format: TimeFormat) -> Self {
        let column = column.to_owned();
        Self { column, format }
    }
}

/// How a report writes times.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TimeFormat {
    /// As in RFC 3339, with an offset: `2026-11-21T18:00:00Z`.
    Rfc3339,
    /// As whole seconds since 1970.
    UnixSeconds,
    /// By a pattern of `strftime`, such as `%Y-%m-%d %H:%M:%S`, at a fixed offset. One without a time
    /// of day, such as `%Y-%m-%d`, is read as midnight.
    #[non_exhaustive]
    Local {
        /// The pattern, as [chrono] reads it.
        ///
        /// [chrono]: https://docs.rs/chrono/0.4/chrono/format/strftime/index.html
        pattern: String,
        /// How many minutes the clock is ahead of UTC, where the text does not say: an offset that
        /// the pattern reads (`%z`) counts before this one.
        #[serde(default)]
        offset_minutes: i32,
    },
}

impl TimeFormat {
    /// Returns the format of a pattern of `strftime` at so many minutes ahead of UTC, where the text
    /// has no offset of its own.
    #[must_use]
    pub fn local(pattern: &str, offset_minutes: i32) -> Self {
        let pattern = pattern.to_owned();
        Self::Local {
            pattern,
            offset_minutes,
        }
    }
}

const fn dot() -> char {
    '.'
}
