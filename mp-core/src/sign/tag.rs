//! What HMAC proves with.

use std::fmt;

use ring::digest::SHA256_OUTPUT_LEN;
use subtle::ConstantTimeEq;

use crate::sign::SignError;

/// The fewest bytes of a tag: 80 bits
/// ([RFC 2104 §5](https://www.rfc-editor.org/rfc/rfc2104#section-5)).
pub const TAG_LENGTH_MIN: usize = 10;

/// The most bytes of a tag: the whole output of SHA-256.
pub const TAG_LENGTH_MAX: usize = SHA256_OUTPUT_LEN;

/// An HMAC-SHA256 tag of 10 to 32 bytes; comparing takes the same time wherever two differ.
///
/// A tag that was truncated verifies as well as the whole one, with the strength of the bytes
/// that are left. A format that carries tags fixes their length, so that a forger has no choice.
#[derive(Clone, Copy)]
pub struct Tag {
    bytes: [u8; TAG_LENGTH_MAX],
    length: usize,
}

impl Tag {
    /// Returns the tag of bytes that came with a message.
    ///
    /// # Errors
    ///
    /// [`SignError::TagLength`] outside [`TAG_LENGTH_MIN`] to [`TAG_LENGTH_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignError> {
        if !(TAG_LENGTH_MIN..=TAG_LENGTH_MAX).contains(&bytes.len()) {
            return Err(SignError::TagLength);
        }
        let mut tag = Self {
            bytes: [0; TAG_LENGTH_MAX],
            length: bytes.len(),
        };
        tag.bytes[..bytes.len()].copy_from_slice(bytes);
        Ok(tag)
    }

    /// Returns the first `length` bytes as a tag.
    ///
    /// # Errors
    ///
    /// [`SignError::TagLength`] below [`TAG_LENGTH_MIN`] or above the tag's own length.
    pub fn truncate(&self, length: usize) -> Result<Self, SignError> {
        self.as_bytes()
            .get(..length)
            .ok_or(SignError::TagLength)
            .and_then(Self::from_bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Tells whether this tag is `whole`, or what truncating `whole` gives.
    pub(super) fn shortens(&self, whole: &Self) -> bool {
        whole
            .truncate(self.length)
            .is_ok_and(|expected| expected == *self)
    }

    pub(super) fn whole(bytes: [u8; TAG_LENGTH_MAX]) -> Self {
        Self {
            bytes,
            length: TAG_LENGTH_MAX,
        }
    }
}

impl Eq for Tag {}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

/// Prints the length only: whoever has a valid tag can use it.
impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag(*** of {} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_10_to_32_bytes() {
        let taken: Vec<usize> = (0..40)
            .filter(|&length| Tag::from_bytes(&[7; 40][..length]).is_ok())
            .collect();
        assert_eq!(taken, (10..=32).collect::<Vec<_>>());
    }

    #[test]
    fn truncating_only_shortens_and_stops_at_80_bits() {
        let tag = Tag::from_bytes(&[7; 20]).unwrap();
        assert_eq!(tag.truncate(10).unwrap().as_bytes(), [7; 10]);
        for length in [0, 9, 21, usize::MAX] {
            assert_eq!(tag.truncate(length), Err(SignError::TagLength));
        }
    }

    #[test]
    fn tags_of_differing_length_differ() {
        let tag = Tag::from_bytes(&[0; 20]).unwrap();
        assert_ne!(tag, tag.truncate(19).unwrap());
        assert_eq!(format!("{tag:?}"), "Tag(*** of 20 bytes)");
    }
}
