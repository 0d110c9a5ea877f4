//! [`Page`]: a page of the app, named briefly enough for a link.

use std::{fmt, str::FromStr};

/// Names a page of the app, such as `menu` or `table-12`: 1 to 16 of `A-Z a-z 0-9 . _ -`.
///
/// ```
/// use mp_share::page::Page;
///
/// let table: Page = "table-12".parse()?;
/// assert_eq!(table.to_string(), "table-12");
/// assert!("table 12".parse::<Page>().is_err());
/// # Ok::<(), mp_share::page::ParsePageError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page([u8; Self::LENGTH_MAX]);

impl Page {
    /// The longest name, in bytes.
    pub const LENGTH_MAX: usize = 16;

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().take_while(|byte| **byte != 0).count();
        // Every page is made by `from_bytes`, which lets nothing but ASCII through.
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    /// Returns the name with zeros behind it.
    pub(crate) const fn to_bytes(self) -> [u8; Self::LENGTH_MAX] {
        self.0
    }

    /// Reads a name with nothing but zeros behind it.
    pub(crate) fn from_bytes(bytes: [u8; Self::LENGTH_MAX]) -> Option<Self> {
        let length = bytes.iter().take_while(|byte| **byte != 0).count();
        let (name, rest) = bytes.split_at(length);
        let well_formed = length > 0
            && name.iter().all(|byte| is_allowed(*byte))
            && rest.iter().all(|byte| *byte == 0);
        well_formed.then_some(Self(bytes))
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// The text names no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a page name of 1 to 16 of A-Z a-z 0-9 . _ -")]
pub struct ParsePageError(());

impl FromStr for Page {
    type Err = ParsePageError;

    fn from_str(text: &str) -> Result<Self, ParsePageError> {
        if !text.bytes().all(is_allowed) {
            return Err(ParsePageError(()));
        }
        let mut bytes = [0; Self::LENGTH_MAX];
        let place = bytes.get_mut(..text.len()).ok_or(ParsePageError(()))?;
        place.copy_from_slice(text.as_bytes());
        Self::from_bytes(bytes).ok_or(ParsePageError(()))
    }
}

mp_core::text_form!(
    Page,
    expected: "a page name of 1 to 16 of A-Z a-z 0-9 . _ -",
    pattern: "^[A-Za-z0-9._-]{1,16}$"
);

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_from_its_sixteen_bytes() {
        for text in ["a", "table-12", "0123456789abcdef"] {
            let page: Page = text.parse().expect(text);
            assert_eq!(Page::from_bytes(page.to_bytes()), Some(page));
            assert_eq!(page.as_str(), text);
        }
    }

    #[test]
    fn bytes_that_no_name_has_are_refused() {
        let gap = *b"ab\0cd\0\0\0\0\0\0\0\0\0\0\0";
        for bytes in [[0; 16], gap, [b' '; 16], [0xff; 16]] {
            assert_eq!(Page::from_bytes(bytes), None);
        }
        for text in ["", "ä", "a/b", "a\0", "0123456789abcdefg"] {
            assert!(text.parse::<Page>().is_err(), "{text:?}");
        }
    }
}
