//! How long it will take: a wait quote as an interval, and how it is kept honest.
//!
//! A ticket with `n` ahead of it waits for `n + 1` calls of its lane. While `s` servers work at
//! rate `mu` each, calls come every `1 / (s·mu)` on average: the lane's [`Pace`], measured from the
//! calls themselves. The wait is then about an Erlang distribution of `n + 1` stages (the
//! queue-length predictor of Ibrahim and Whitt, *Manufacturing & Service Operations Management*
//! 11(3), 2009), of which a [`Quote`] states the median and the 90th percentile.
//!
//! Service times are not exponential and people leave; so each lane keeps two factors, its
//! [`Calibration`], which the outcome of every call moves until half of all waits stay within the
//! median quoted and nine in ten within the 90th percentile.

mod calibration;
pub(crate) mod millis;
mod pace;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{calibration::Calibration, pace::Pace};

/// The longest wait that is quoted; what would be longer is quoted as this.
pub const QUOTE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A wait as an interval, honest about chance.
///
/// ```
/// use std::time::Duration;
/// use mp_queue::quote::{Calibration, Pace, Quote};
///
/// let pace = Pace::expected(Some(Duration::from_secs(120)));
/// let quote = Quote::of(4, &pace, &Calibration::default()).expect("the pace is known");
/// assert_eq!(quote.p50.as_secs(), 560); // five calls, two minutes each: ten minutes on average
/// assert_eq!(quote.p90.as_secs(), 958);
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Quote {
    /// As likely shorter as longer, in whole milliseconds.
    #[serde(rename = "p50_ms", with = "millis")]
    #[schemars(with = "u64")]
    pub p50: Duration,
    /// Nine in ten are shorter, in whole milliseconds.
    #[serde(rename = "p90_ms", with = "millis")]
    #[schemars(with = "u64")]
    pub p90: Duration,
}

impl Quote {
    /// Returns the quote for a ticket with `ahead` before it, or none while the pace is unknown.
    #[must_use]
    pub fn of(ahead: u32, pace: &Pace, calibration: &Calibration) -> Option<Self> {
        let interval = pace.interval()?.as_secs_f64();
        let stages = f64::from(ahead) + 1.0;
        let wait = |z, factor| span(interval * erlang_quantile(stages, z) * factor);
        let p50 = wait(Z_50, calibration.p50());
        let p90 = wait(Z_90, calibration.p90());
        // Where the factors cross, the P90 stands: each is tracked by what its own factor gave, and
        // a P90 raised to the P50 would be found kept, lowered further, and never come back.
        Some(Self {
            p50: p50.min(p90),
            p90,
        })
    }
}

/// Returns a quantile of the Erlang distribution of `stages` stages with mean 1 each.
///
/// The quantile of the normal distribution is `z`; the transformation is that of Wilson and
/// Hilferty (*PNAS* 17, 1931), within 2 % of the exact values for the two quantiles used.
fn erlang_quantile(stages: f64, z: f64) -> f64 {
    let variance = 1.0 / (9.0 * stages);
    stages * (1.0 - variance + z * variance.sqrt()).max(0.0).powi(3)
}

/// Returns seconds as whole milliseconds, within `0..=QUOTE_MAX`.
fn span(seconds: f64) -> Duration {
    let bounded = seconds.clamp(0.0, QUOTE_MAX.as_secs_f64());
    // A bounded float converts; what is no number counts as the most.
    let exact = Duration::try_from_secs_f64(bounded).unwrap_or(QUOTE_MAX);
    Duration::from_millis(u64::try_from(exact.as_millis()).unwrap_or(u64::MAX))
}

/// The standard normal distribution's 50 % and 90 % quantiles.
const Z_50: f64 = 0.0;
const Z_90: f64 = 1.281_551_565_544_6;

#[cfg(test)]
mod tests;
