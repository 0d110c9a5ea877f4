use mp_core::Timestamp;

use super::{CircuitOptions, window::Window};

/// How a backend stands, as this process has seen it lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Standing {
    /// It answers, as far as is known: the circuit is closed.
    Well,
    /// It fails, and others go first: the circuit is open.
    Resting,
    /// It has rested, and the next payment is to try it: the circuit is half open.
    Probed,
}

/// What a call to a backend came to, as far as the backend's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallEnd {
    /// It answered; a decline is an answer.
    Answered,
    /// It was out of reach, took too long, or its answer was lost.
    Failed,
}

/// The circuit breaker of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Circuit {
    /// Calls are counted.
    Closed(Window),
    /// Others go first until then; after that, the next call is a probe.
    Open { until: Timestamp },
    /// A probe is under way; one of which nothing is heard by then is given up.
    HalfOpen { until: Timestamp },
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed(Window::default())
    }
}

impl Circuit {
    /// Returns how the backend stands at `now`.
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        match self {
            Self::Closed(_) => Standing::Well,
            Self::Open { until } | Self::HalfOpen { until } if now < *until => Standing::Resting,
            Self::Open { .. } | Self::HalfOpen { .. } => Standing::Probed,
        }
    }

    /// Takes note that a call begins: after the rest, it is the probe.
    pub(super) fn begin(&mut self, options: &CircuitOptions, now: Timestamp) {
        if self.standing(now) == Standing::Probed {
            let until = now.plus(options.rest);
            *self = Self::HalfOpen { until };
        }
    }

    /// Takes note of how a call ended. While the backend rests, calls that began before tell
    /// nothing new.
    pub(super) fn end(&mut self, end: CallEnd, options: &CircuitOptions, now: Timestamp) {
        let failed = end == CallEnd::Failed;
        let until = now.plus(options.rest);
        match self {
            Self::Closed(window) => {
                window.count(failed, options.window, now);
                if failed && is_ill(window.counts(options.window, now), options) {
                    *self = Self::Open { until };
                }
            }
            Self::Open { .. } => {}
            Self::HalfOpen { .. } if failed => *self = Self::Open { until },
            Self::HalfOpen { .. } => *self = Self::default(),
        }
    }
}

fn is_ill((calls, failed): (u64, u64), options: &CircuitOptions) -> bool {
    calls >= u64::from(options.calls_min)
        && failed * 100 >= calls * u64::from(options.failed_percent)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OPTIONS: CircuitOptions = CircuitOptions {
        window: Duration::from_secs(60),
        calls_min: 4,
        failed_percent: 50,
        rest: Duration::from_secs(30),
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::MIN.plus(Duration::from_secs(6_000 + seconds))
    }

    /// A closed circuit that has heard so many calls at the beginning.
    fn heard(answered: u32, failed: u32) -> Circuit {
        let mut window = Window::default();
        for number in 0..answered + failed {
            window.count(number >= answered, OPTIONS.window, at(0));
        }
        Circuit::Closed(window)
    }

    #[derive(Clone, Copy, Debug)]
    enum On {
        Begin,
        Answered,
        Failed,
    }

    fn after(mut circuit: Circuit, on: On, now: Timestamp) -> Circuit {
        match on {
            On::Begin => circuit.begin(&OPTIONS, now),
            On::Answered => circuit.end(CallEnd::Answered, &OPTIONS, now),
            On::Failed => circuit.end(CallEnd::Failed, &OPTIONS, now),
        }
        circuit
    }

    /// Every state, at every time that matters to it, with everything that can happen.
    #[test]
    fn every_state_and_event_has_one_outcome() {
        use On::{Answered, Begin, Failed};
        let open = |until| Circuit::Open { until: at(until) };
        let probing = |until| Circuit::HalfOpen { until: at(until) };
        let table = [
            // Closed, and nothing to conclude anything from.
            (heard(0, 0), 5, Begin, heard(0, 0)),
            (heard(0, 0), 0, Answered, heard(1, 0)),
            (heard(0, 0), 0, Failed, heard(0, 1)),
            (heard(0, 2), 0, Failed, heard(0, 3)),
            // Closed, and one more failure is too much, or just not.
            (heard(0, 3), 0, Begin, heard(0, 3)),
            (heard(0, 3), 0, Answered, heard(1, 3)),
            (heard(0, 3), 0, Failed, open(30)),
            (heard(2, 1), 0, Failed, open(30)),
            (heard(3, 1), 0, Failed, heard(3, 2)),
            // Open, while it rests: calls that began before tell nothing.
            (open(30), 29, Begin, open(30)),
            (open(30), 29, Answered, open(30)),
            (open(30), 29, Failed, open(30)),
            // Open, and it has rested: the next call is the probe.
            (open(30), 30, Begin, probing(60)),
            (open(30), 30, Answered, open(30)),
            (open(30), 30, Failed, open(30)),
            // A probe is under way.
            (probing(60), 40, Begin, probing(60)),
            (probing(60), 40, Answered, heard(0, 0)),
            (probing(60), 40, Failed, open(70)),
            // Nothing was heard of the probe: the next call is another.
            (probing(60), 60, Begin, probing(90)),
            (probing(60), 60, Answered, heard(0, 0)),
            (probing(60), 60, Failed, open(90)),
        ];
        for (circuit, seconds, on, expected) in table {
            let found = after(circuit, on, at(seconds));
            assert_eq!(found, expected, "{on:?} at {seconds} in {circuit:?}");
        }
    }

    #[test]
    fn every_state_has_one_standing_at_any_time() {
        let open = Circuit::Open { until: at(30) };
        let probing = Circuit::HalfOpen { until: at(30) };
        for (circuit, seconds, expected) in [
            (heard(0, 0), 0, Standing::Well),
            (heard(9, 9), 99, Standing::Well),
            (open, 29, Standing::Resting),
            (open, 30, Standing::Probed),
            (probing, 29, Standing::Resting),
            (probing, 30, Standing::Probed),
        ] {
            assert_eq!(
                circuit.standing(at(seconds)),
                expected,
                "{circuit:?} at {seconds}"
            );
        }
    }

    #[test]
    fn failures_that_are_long_past_open_nothing() {
        let found = after(heard(0, 3), On::Failed, at(60));
        assert!(matches!(found, Circuit::Closed(_)), "{found:?}");
    }
}
