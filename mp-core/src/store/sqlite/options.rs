use std::{num::NonZeroUsize, thread, time::Duration};

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// When the operating system says that it is on the disk (`synchronous = FULL`).
    #[default]
    Full,
    /// When it is written but perhaps not on the disk yet (`synchronous = NORMAL`).
    ///
    /// The death of the process loses nothing, but a power loss loses the last commits although
    /// they were acknowledged: this breaks the *Durable* clause of the contract. The file stays
    /// consistent. For work that can be done over again, such as imports and trials.
    Normal,
}

/// How a [`SqliteStore`](super::SqliteStore) is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// When a commit counts as done; [`Durability::Full`] unless set.
    pub durability: Durability,
    /// How many threads read; as many as there are processors, at most four, unless set.
    pub readers: NonZeroUsize,
    /// How long to wait while another process writes, before answering `Unavailable`; five seconds
    /// unless set.
    pub busy_timeout: Duration,
    /// Whether opening looks through the whole file for damage (`PRAGMA quick_check`) and refuses it
    /// as `Corrupt` if there is any, with what to do about it; no unless set.
    ///
    /// It reads every page, which takes seconds a gibibyte. Without it, damage is found when
    /// somebody reads or writes what is damaged, and that call alone is `Corrupt`. For the first
    /// start after a crash of the machine or a move of the file, and for copies.
    pub quick_check: bool,
}

/// The most reader threads that a store takes for itself unasked.
const READERS_DEFAULT_MAX: usize = 4;

impl Default for SqliteOptions {
    fn default() -> Self {
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            durability: Durability::Full,
            readers: NonZeroUsize::new(READERS_DEFAULT_MAX)
                .map_or(processors, |most| processors.min(most)),
            busy_timeout: Duration::from_secs(5),
            quick_check: false,
        }
    }
}

impl SqliteOptions {
    /// Returns the options with another [`durability`](Self::durability).
    #[must_use]
    pub const fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Returns the options with another number of [`readers`](Self::readers).
    #[must_use]
    pub const fn with_readers(mut self, readers: NonZeroUsize) -> Self {
        self.readers = readers;
        self
    }

    /// Returns the options with another [`busy_timeout`](Self::busy_timeout).
    #[must_use]
    pub const fn with_busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// Returns the options with or without a [`quick_check`](Self::quick_check).
    #[must_use]
    pub const fn with_quick_check(mut self, quick_check: bool) -> Self {
        self.quick_check = quick_check;
        self
    }
}
