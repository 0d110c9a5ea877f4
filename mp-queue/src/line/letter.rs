use std::{fmt, str::FromStr};

/// The letter that names a lane and begins its tickets' numbers: one of `A` to `Z`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LaneLetter(char);

impl fmt::Display for LaneLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for LaneLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LaneLetter({})", self.0)
    }
}

/// Says that a text is not a lane's letter.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected one capital letter A to Z")]
pub struct ParseLetterError(());

impl FromStr for LaneLetter {
    type Err = ParseLetterError;

    fn from_str(text: &str) -> Result<Self, ParseLetterError> {
        match *text.as_bytes() {
            [letter @ b'A'..=b'Z'] => Ok(Self(char::from(letter))),
            _ => Err(ParseLetterError(())),
        }
    }
}

mp_core::text_form!(
    LaneLetter,
    expected: "one capital letter A to Z",
    pattern: "^[A-Z]$",
);
