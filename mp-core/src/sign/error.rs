//! What can go wrong with keys and proofs.

use thiserror::Error;

use crate::sign::{KEYS_MAX, KeyId, SECRET_LENGTH_MIN, TAG_LENGTH_MAX, TAG_LENGTH_MIN};

/// Says why a key was not taken or a proof was refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SignError {
    /// The tag or signature does not prove this message in this domain with this key.
    #[error("the tag or signature does not match, treat the message as forged")]
    BadTag,
    /// The ring has no key of that id: it never had, or has retired it.
    #[error("the ring has no key {id}, ask for a fresh message")]
    UnknownKey {
        /// The id that was asked for.
        id: KeyId,
    },
    /// The ring already has a key of that id.
    #[error("the ring already has a key {id}, retire it or take another id")]
    KeyExists {
        /// The id that is taken.
        id: KeyId,
    },
    /// The key is the one that signs, so it cannot be retired.
    #[error("key {id} is the one that signs, activate another before retiring it")]
    KeyActive {
        /// The id of the signing key.
        id: KeyId,
    },
    /// The number is no key id.
    #[error("a key id is below {KEYS_MAX}")]
    KeyIdRange,
    /// The secret is shorter than [`SECRET_LENGTH_MIN`].
    #[error("a secret has at least {SECRET_LENGTH_MIN} bytes")]
    ShortSecret,
    /// The bytes are no Ed25519 private key of the stated form.
    #[error("expected an ed25519 private key: a seed of 32 bytes or a PKCS#8 document")]
    MalformedKey,
    /// The bytes are too few or too many for a tag.
    #[error("a tag has {TAG_LENGTH_MIN} to {TAG_LENGTH_MAX} bytes, and truncating shortens it")]
    TagLength,
}
