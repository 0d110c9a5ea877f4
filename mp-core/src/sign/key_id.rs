//! Which key of a ring.

use std::fmt;

use crate::sign::SignError;

/// The most keys that a ring holds at a time: as many as four bits can name.
pub const KEYS_MAX: usize = 16;

/// Names a key of a ring: 0 to 15, because compact tokens have four bits for it.
///
/// It travels with the tag and is no secret. An id is free again once its key was retired; taking
/// the ids in turn keeps a late message of the old key from being tried with the new one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(u8);

impl KeyId {
    /// Returns the key id of a number.
    ///
    /// # Errors
    ///
    /// [`SignError::KeyIdRange`] from [`KEYS_MAX`] on.
    pub const fn new(number: u8) -> Result<Self, SignError> {
        if (number as usize) < KEYS_MAX {
            Ok(Self(number))
        } else {
            Err(SignError::KeyIdRange)
        }
    }

    /// Returns the number, 0 to 15.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
