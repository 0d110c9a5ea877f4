//! What Ed25519 proves with.

use std::fmt;

use crate::sign::SignError;

/// An Ed25519 signature, 64 bytes ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature([u8; Self::LENGTH]);

impl Signature {
    /// The number of bytes.
    pub const LENGTH: usize = 64;

    /// Returns the signature of bytes that came with a message.
    ///
    /// # Errors
    ///
    /// [`SignError::BadTag`] if they are not 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignError> {
        bytes.try_into().map(Self).map_err(|_| SignError::BadTag)
    }

    pub(super) const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

/// Prints the length only: whoever has a valid signature can use it.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature(*** of {} bytes)", Self::LENGTH)
    }
}
