use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quote;

/// The step of the tracking, in the logarithm of a factor.
const STEP: f64 = 0.03;

/// A factor of one, in the stored parts per million.
const ONE_PPM: u32 = 1_000_000;

/// How far a factor may go, down and up.
const FACTOR_MIN: f64 = 1.0 / 32.0;
const FACTOR_MAX: f64 = 32.0;

/// Two factors on a lane's quotes that follow what came true.
///
/// Multiplicative quantile tracking: a wait beyond the quantile `p` that was quoted raises its
/// factor by `STEP·p` in the logarithm, a wait within lowers it by `STEP·(1 − p)`. The two balance
/// when a share `p` of the waits stays within, whatever the waits' distribution (the online form of
/// Gibbs and Candès, *Adaptive Conformal Inference Under Distribution Shift*, NeurIPS 2021).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Calibration {
    p50_ppm: u32,
    p90_ppm: u32,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            p50_ppm: ONE_PPM,
            p90_ppm: ONE_PPM,
        }
    }
}

impl Calibration {
    /// Returns the factor on the median.
    #[must_use]
    pub fn p50(&self) -> f64 {
        factor(self.p50_ppm)
    }

    /// Returns the factor on the 90th percentile.
    #[must_use]
    pub fn p90(&self) -> f64 {
        factor(self.p90_ppm)
    }

    /// Takes note of how long a ticket waited that had been quoted.
    ///
    /// Of somebody who gave up it is only known that the wait was to be longer. Past the P90 that is
    /// all there is to know: it went beyond both quantiles, whatever it would have come to, and to
    /// leave it out would make quotes look better the worse they are. Before the P90 it is not known
    /// on which side of it the wait would have ended, so who leaves by then is not observed.
    pub fn observe(&mut self, quoted: &Quote, waited: Duration) {
        self.p50_ppm = tracked(self.p50_ppm, 0.5, waited <= quoted.p50);
        self.p90_ppm = tracked(self.p90_ppm, 0.9, waited <= quoted.p90);
    }
}

fn tracked(ppm: u32, p: f64, kept: bool) -> u32 {
    let step = if kept { p - 1.0 } else { p } * STEP;
    let next = (factor(ppm) * step.exp()).clamp(FACTOR_MIN, FACTOR_MAX);
    // Within the clamp the product is far below u32::MAX, and the cast saturates anyway.
    (next * f64::from(ONE_PPM)).round() as u32
}

fn factor(ppm: u32) -> f64 {
    f64::from(ppm) / f64::from(ONE_PPM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(p50: u64, p90: u64) -> Quote {
        Quote {
            p50: Duration::from_secs(p50),
            p90: Duration::from_secs(p90),
        }
    }

    #[test]
    fn nine_waits_within_the_p90_balance_one_beyond() {
        let mut calibration = Calibration::default();
        for nth in 0..10 {
            let waited = if nth == 0 { 11 } else { 9 };
            calibration.observe(&quote(10, 10), Duration::from_secs(waited));
        }
        assert!((calibration.p90() - 1.0).abs() < 1e-4, "{calibration:?}");
        assert!(calibration.p50() < 0.95, "{calibration:?}");
    }

    #[test]
    fn factors_stay_within_their_limits() {
        let mut calibration = Calibration::default();
        for _ in 0..2_000 {
            calibration.observe(&quote(1, 1), Duration::MAX);
        }
        assert_eq!(calibration.p90(), FACTOR_MAX);
        for _ in 0..4_000 {
            calibration.observe(&quote(1, 1), Duration::ZERO);
        }
        assert_eq!(calibration.p50(), FACTOR_MIN);
    }
}
