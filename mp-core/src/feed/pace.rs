use std::time::Duration;

use super::projector::APPLY_MAX;

/// The most events that a projection is handed at once.
pub const STRETCH_MAX: u32 = 256;

/// How many it is handed first: what it does not get through in time is handed over again, so that
/// nobody is slow enough to be handed too many again and again.
const STRETCH_FIRST: u32 = 1;

/// Whoever applies a stretch faster than this is handed twice as many next.
const QUICK: Duration = APPLY_MAX.checked_div(8).expect("eight is not zero");

/// How many events a projection is handed next: it grows while the projection is quick, so that a
/// slow one is not handed more than it gets through in time.
#[derive(Debug)]
pub(super) struct Pace {
    next: u32,
    most: u32,
}

impl Pace {
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// Notes that a stretch was applied, and how long that took.
    pub(super) fn applied(&mut self, took: Duration) {
        if took < QUICK {
            self.next = self.next.saturating_mul(2).min(self.most);
        }
    }

    /// Notes that a stretch failed, and that so many are tried instead, and no more after them.
    pub(super) const fn failed(&mut self, instead: u32) {
        self.next = instead;
        self.most = instead;
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            next: STRETCH_FIRST,
            most: STRETCH_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_grows_while_the_projection_is_quick() {
        let mut pace = Pace::default();
        let grown = [1, 2, 4, 8, 16, 32, 64, 128, 256, 256].map(|next| {
            let was = pace.next();
            pace.applied(Duration::ZERO);
            (was, next)
        });
        assert!(grown.iter().all(|(was, next)| was == next), "{grown:?}");
        let mut pace = Pace::default();
        pace.applied(QUICK);
        assert_eq!(pace.next(), 1);
    }

    #[test]
    fn a_stretch_that_failed_grows_no_more() {
        let mut pace = Pace::default();
        pace.failed(8);
        pace.applied(Duration::ZERO);
        assert_eq!(pace.next(), 8);
    }
}
