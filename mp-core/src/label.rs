//! [`Label`]: a short text for people, checked once.

use std::{fmt, str::FromStr, sync::Arc};

/// A short text that people read, such as a stall's name: 1 to 100 characters, none of them a
/// control character, no white space at either end.
///
/// ```
/// use mp_core::label::Label;
///
/// assert_eq!(Label::new("士林 Night Market")?.as_str(), "士林 Night Market");
/// assert!(Label::new("").is_err());
/// # Ok::<(), mp_core::label::ParseLabelError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// The longest label, in characters (Unicode scalar values).
    pub const LENGTH_MAX: usize = 100;

    /// Checks a text and keeps a copy of it.
    ///
    /// # Errors
    ///
    /// [`ParseLabelError`] if it is empty, too long, has a control character, or starts or ends
    /// with white space.
    pub fn new(text: &str) -> Result<Self, ParseLabelError> {
        let length = text.chars().take(Self::LENGTH_MAX + 1).count();
        let fits = (1..=Self::LENGTH_MAX).contains(&length);
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(ParseLabelError(()))
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 100 characters without control characters or outer white space")]
pub struct ParseLabelError(());

impl FromStr for Label {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

crate::text_form!(
    Label,
    expected: "1 to 100 characters without control characters or outer white space",
    pattern: r"^\S(.{0,98}\S)?$"
);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_a_screen_could_not_show_are_refused() {
        for text in ["", " a", "a ", "a\nb", "a\u{7}", &"長".repeat(101)] {
            assert!(Label::new(text).is_err(), "{text:?}");
        }
        assert!(Label::new(&"長".repeat(100)).is_ok());
    }
}
