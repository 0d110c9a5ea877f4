/// What is done in one run, and what the accounts come to: the wallet, the stall, the near account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    Transfer,
    Refused,
    Linked,
    PostPart,
    Void,
    Expire,
    Reverse,
    NearPost,
    NearVoid,
    Settle,
    /// An intent is paid from the wallet, and refunded in part.
    Paid,
    /// An intent is held, captured in part, and refunded in part.
    Captured,
    /// An intent is held, and canceled.
    Canceled,
}

impl Life {
    /// Every life.
    pub(crate) const ALL: [Self; 13] = [
        Self::Transfer,
        Self::Refused,
        Self::Linked,
        Self::PostPart,
        Self::Void,
        Self::Expire,
        Self::Reverse,
        Self::NearPost,
        Self::NearVoid,
        Self::Settle,
        Self::Paid,
        Self::Captured,
        Self::Canceled,
    ];

    /// Returns what the accounts come to.
    pub(crate) const fn end(self) -> (i64, i64, i64) {
        match self {
            Self::Transfer => (40, 60, 0),
            Self::Linked => (30, 60, 10),
            Self::PostPart => (80, 20, 0),
            Self::NearPost => (40, 0, 60),
            Self::Settle | Self::Paid => (65, 35, 0),
            Self::Captured => (70, 30, 0),
            Self::Refused
            | Self::Void
            | Self::Expire
            | Self::Reverse
            | Self::NearVoid
            | Self::Canceled => (100, 0, 0),
        }
    }
}
