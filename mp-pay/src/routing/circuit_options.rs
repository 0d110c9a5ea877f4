use std::time::Duration;

/// When a backend is taken for ill, and for how long it is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitOptions {
    /// How far back failures count; a minute by default.
    pub window: Duration,
    /// How many calls must have ended within the window before anything is concluded; 10 by
    /// default.
    pub calls_min: u32,
    /// Of a hundred calls within the window, how many must have failed; 50 by default.
    pub failed_percent: u8,
    /// How long the backend is spared before one payment tries it again; 30 seconds by default.
    pub rest: Duration,
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            calls_min: 10,
            failed_percent: 50,
            rest: Duration::from_secs(30),
        }
    }
}

impl CircuitOptions {
    /// Counts failures so far back.
    #[must_use]
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Concludes nothing from fewer calls.
    #[must_use]
    pub const fn with_calls_min(mut self, calls: u32) -> Self {
        self.calls_min = calls;
        self
    }

    /// Takes a backend for ill of which so many calls of a hundred fail.
    #[must_use]
    pub const fn with_failed_percent(mut self, percent: u8) -> Self {
        self.failed_percent = percent;
        self
    }

    /// Spares an ill backend for so long.
    #[must_use]
    pub const fn with_rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }
}
