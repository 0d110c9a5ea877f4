use std::time::Duration;

use mp_core::Timestamp;

/// Into how many parts a window is divided: it slides by one of them.
const PARTS: usize = 6;

/// How many calls were answered and how many failed lately: counts over a sliding window, of
/// bounded size however many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window([Part; PARTS]);

/// What was heard in one part of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    /// Which part of all time it is.
    number: i64,
    answered: u32,
    failed: u32,
}

impl Window {
    /// Counts one call that ended at `now`. One that ended before others that were counted is
    /// counted with them, or not at all if its part of the window is gone.
    pub(super) fn count(&mut self, failed: bool, length: Duration, now: Timestamp) {
        let number = number(length, now);
        let Some(part) = self.0.get_mut(place(number)) else {
            return;
        };
        if part.number < number {
            *part = Part {
                number,
                ..Part::default()
            };
        }
        if part.number == number {
            let counter = if failed {
                &mut part.failed
            } else {
                &mut part.answered
            };
            *counter = counter.saturating_add(1);
        }
    }

    /// Returns how many calls ended within the window, and how many of them failed.
    pub(super) fn counts(&self, length: Duration, now: Timestamp) -> (u64, u64) {
        let oldest = number(length, now) - PARTS as i64 + 1;
        let lately = self.0.iter().filter(|part| part.number >= oldest);
        lately.fold((0, 0), |(calls, failed), part| {
            let (answered, lost) = (u64::from(part.answered), u64::from(part.failed));
            (calls + answered + lost, failed + lost)
        })
    }
}

fn number(length: Duration, now: Timestamp) -> i64 {
    let part = i64::try_from(length.as_micros()).unwrap_or(i64::MAX) / PARTS as i64;
    now.as_micros() / part.max(1)
}

fn place(number: i64) -> usize {
    usize::try_from(number.rem_euclid(PARTS as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::MIN.plus(Duration::from_secs(6_000 + seconds))
    }

    #[test]
    fn what_ended_within_the_window_counts_and_slides_out_of_it() {
        let mut window = Window::default();
        for second in 0..60 {
            window.count(second < 20, MINUTE, at(second));
        }
        assert_eq!(window.counts(MINUTE, at(59)), (60, 20));
        assert_eq!(window.counts(MINUTE, at(60)), (50, 10));
        assert_eq!(window.counts(MINUTE, at(79)), (40, 0));
        assert_eq!(window.counts(MINUTE, at(119)), (0, 0));
        window.count(true, MINUTE, at(120));
        assert_eq!(window.counts(MINUTE, at(120)), (1, 1));
    }

    #[test]
    fn a_clock_that_is_behind_takes_nothing_away() {
        let mut window = Window::default();
        window.count(true, MINUTE, at(100));
        window.count(true, MINUTE, at(90));
        window.count(true, MINUTE, at(40));
        assert_eq!(
            window.counts(MINUTE, at(100)),
            (2, 2),
            "the last has no part any more"
        );
    }
}
