//! Bytes that nobody else may see.

use std::fmt;

use zeroize::Zeroizing;

use crate::sign::SignError;

/// The fewest bytes of a secret: the output length of SHA-256
/// ([RFC 2104 §3](https://www.rfc-editor.org/rfc/rfc2104#section-3)).
pub const SECRET_LENGTH_MIN: usize = 32;

/// The bytes of a secret key, which print as `***` and are overwritten when dropped.
///
/// A ring does not keep them, only the state that its algorithm computed from them. That state
/// is as good as the secret and is not overwritten, so a core dump of the process is secret too.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; pass a `Vec` so that no copy of them stays behind.
    ///
    /// # Errors
    ///
    /// [`SignError::ShortSecret`] below [`SECRET_LENGTH_MIN`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SignError> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.len() < SECRET_LENGTH_MIN {
            Err(SignError::ShortSecret)
        } else {
            Ok(Self(bytes))
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_at_least_32_bytes_and_prints_as_stars() {
        assert_eq!(Secret::new([0x5a; 31]).err(), Some(SignError::ShortSecret));
        assert_eq!(format!("{:?}", Secret::new([0x5a; 32]).unwrap()), "***");
    }
}
