use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

/// How far somebody has read a feed: the position of the last event they have seen.
///
/// Its text form is the number; keep it as a number or as text, beside the rows it stands for.
///
/// ```
/// use mp_core::feed::Cursor;
///
/// let kept = Cursor::START.to_string();
/// assert_eq!(kept.parse(), Ok(Cursor::START));
/// assert!(Cursor::START < Cursor(1));
/// ```
#[derive(
    Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(transparent)]
pub struct Cursor(pub u64);

impl Cursor {
    /// The cursor of who has seen nothing: reading goes on with the oldest event that is kept, however
    /// many were before it.
    pub const START: Self = Self(0);
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
