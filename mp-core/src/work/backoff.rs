use std::time::Duration;

/// How often a delivery is tried before it is dead: with the pauses of [`pause_after`], over three to six
/// hours. So no outage of three hours makes work dead, nor do restarts that break it off.
///
/// An attempt that panics, or whose process is killed, settles nothing and so has no pause: it ends with
/// its [`LEASE`](super::LEASE). Work whose every attempt ends so is dead after as many leases, which is
/// twenty minutes.
pub const ATTEMPTS_MAX: u32 = 24;

const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

/// Returns the pause after so many failed attempts: doubling from half a second to half an hour,
/// between half of it and the whole, by `chance`.
///
/// The jitter keeps work that failed together from coming back together ("equal jitter" in the
/// AWS Architecture Blog, *Exponential Backoff And Jitter*, 2015).
#[must_use]
pub fn pause_after(attempts: u32, chance: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(20);
    let whole = PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX);
    let half = whole / 2;
    half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_tried_for_three_to_six_hours() {
        let tried_for = |chance| -> Duration {
            let failures = 1..ATTEMPTS_MAX;
            failures.map(|failures| pause_after(failures, chance)).sum()
        };
        let hours = |hours: f64| Duration::from_secs(60 * 60).mul_f64(hours);
        let (least, most) = (tried_for(0), tried_for(u32::MAX));
        assert!(least > hours(3.0) && least < hours(3.2), "{least:?}");
        assert!(most > hours(5.8) && most < hours(6.2), "{most:?}");
    }

    #[test]
    fn pauses_double_within_their_bounds() {
        assert_eq!(pause_after(1, 0), PAUSE_MIN / 2);
        assert_eq!(pause_after(1, u32::MAX), PAUSE_MIN);
        assert_eq!(pause_after(2, u32::MAX), PAUSE_MIN * 2);
        assert_eq!(pause_after(u32::MAX, u32::MAX), PAUSE_MAX);
        assert_eq!(pause_after(0, u32::MAX), PAUSE_MIN);
    }
}
