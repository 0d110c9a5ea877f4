use std::{fmt, str::FromStr};

use crate::line::LaneLetter;

/// The number that a person sees on their ticket and on the board, such as `A017`.
///
/// It is the lane's letter and the ticket's ordinal in the lane, at least three digits.
///
/// ```
/// use mp_queue::ticket::TicketNumber;
///
/// let number: TicketNumber = "A017".parse()?;
/// assert_eq!((number.lane().to_string(), number.ordinal()), ("A".into(), 17));
/// assert!("A17".parse::<TicketNumber>().is_err());
/// # Ok::<(), mp_queue::ticket::ParseNumberError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TicketNumber {
    lane: LaneLetter,
    ordinal: u32,
}

impl TicketNumber {
    pub(crate) const fn new(lane: LaneLetter, ordinal: u32) -> Self {
        Self { lane, ordinal }
    }

    /// Returns the letter of the lane.
    #[must_use]
    pub const fn lane(self) -> LaneLetter {
        self.lane
    }

    /// Returns the ordinal in the lane, from 1.
    #[must_use]
    pub const fn ordinal(self) -> u32 {
        self.ordinal
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:03}", self.lane, self.ordinal)
    }
}

impl fmt::Debug for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketNumber({self})")
    }
}

/// Says that a text is not a ticket's number.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a ticket number such as A017")]
pub struct ParseNumberError(());

impl FromStr for TicketNumber {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, ParseNumberError> {
        let refused = ParseNumberError(());
        let (letter, digits) = text.split_at_checked(1).ok_or(refused)?;
        let number = Self {
            lane: letter.parse().map_err(|_| refused)?,
            ordinal: digits.parse().map_err(|_| refused)?,
        };
        // What reads back differently (`A+17`, `A0017`) is another spelling of the same number.
        (number.to_string() == text)
            .then_some(number)
            .ok_or(refused)
    }
}

mp_core::text_form!(
    TicketNumber,
    expected: "a ticket number such as A017",
    pattern: "^[A-Z][0-9]{3,}$",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for text in ["A001", "Z999", "B1000"] {
            let number: TicketNumber = text.parse().expect(text);
            assert_eq!(number.to_string(), text);
        }
        for text in [
            "",
            "A",
            "A1",
            "a001",
            "A0001",
            "A+01",
            "001",
            "Ä001",
            "A-01",
            "A4294967296",
        ] {
            assert!(text.parse::<TicketNumber>().is_err(), "{text}");
        }
    }
}
