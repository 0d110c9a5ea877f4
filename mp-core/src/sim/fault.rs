use std::fmt;

/// What goes wrong at a [write point](super::WritePoint).
///
/// "The store" stands for whatever the process calls there: the store, or the
/// [outside](super::Process::outside).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Somebody else was first: the head has moved on, the work is leased already, the fence is
    /// lost. Nothing was written.
    Conflict,
    /// The store is out of reach and says so; nothing was written.
    Outage,
    /// The request got lost: nothing was written, but the process cannot know.
    LostRequest,
    /// The answer got lost: it was written, but the process cannot know.
    LostAnswer,
    /// The process is told that nobody knows, and the request arrives some time afterwards.
    LateArrival,
    /// The request is held up, and others overtake it.
    Delay,
    /// The whole process stands still until every lease that it holds has run out.
    LeaseExpiry,
    /// The process's clock jumps forward.
    ClockForward,
    /// The process's clock jumps back.
    ClockBack,
    /// The process dies; the request never left it.
    CrashBefore,
    /// The process dies when the request is carried out and not yet answered.
    CrashAfter,
}

impl Fault {
    /// Every kind, in the order of the columns of a table.
    pub const ALL: [Self; 11] = [
        Self::Conflict,
        Self::Outage,
        Self::LostRequest,
        Self::LostAnswer,
        Self::LateArrival,
        Self::Delay,
        Self::LeaseExpiry,
        Self::ClockForward,
        Self::ClockBack,
        Self::CrashBefore,
        Self::CrashAfter,
    ];

    /// Returns whether it can strike a read, which changes nothing and is repeated at will.
    pub(super) const fn strikes_reads(self) -> bool {
        matches!(
            self,
            Self::Outage | Self::Delay | Self::ClockForward | Self::ClockBack | Self::CrashBefore
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Conflict => "conflict",
            Self::Outage => "outage",
            Self::LostRequest => "lost request",
            Self::LostAnswer => "lost answer",
            Self::LateArrival => "late arrival",
            Self::Delay => "delay",
            Self::LeaseExpiry => "lease expiry",
            Self::ClockForward => "clock forward",
            Self::ClockBack => "clock back",
            Self::CrashBefore => "crash before",
            Self::CrashAfter => "crash after",
        })
    }
}
