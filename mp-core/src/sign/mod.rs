//! Proof that a message is the host's own, and rotation of the keys that prove it.
//!
//! A [`KeyRing`] makes and checks HMAC-SHA256 [`Tag`]s for what only the host has to check. A
//! [`SigningRing`] makes Ed25519 [`Signature`]s, and its [`VerifyingRing`] of public keys lets
//! third parties check them. Every ring holds up to [`KEYS_MAX`] keys by [`KeyId`]: one signs,
//! all verify, until they are retired.
//!
//! ```
//! use mp_core::sign::{Domain, KeyId, KeyRing, Secret};
//!
//! const LINK: Domain = Domain::new("shop/link/v1");
//! const SESSION: Domain = Domain::new("shop/session/v1");
//!
//! let (old, new) = (KeyId::new(1)?, KeyId::new(2)?);
//! let mut ring = KeyRing::new(old, &Secret::new([7; 32])?);
//! let (key, tag) = ring.sign(LINK, b"table 12");
//! let short = tag.truncate(16)?;
//! assert!(ring.verify(LINK, key, b"table 12", &short).is_ok());
//! assert!(ring.verify(SESSION, key, b"table 12", &short).is_err());
//!
//! // Rotation: add, activate, and retire when the last old tag has run out.
//! ring = ring.with_key(new, &Secret::new([8; 32])?)?;
//! ring.activate(new)?;
//! assert!(ring.verify(LINK, key, b"table 12", &short).is_ok());
//! ring.retire(old)?;
//! assert!(ring.verify(LINK, key, b"table 12", &short).is_err());
//! # Ok::<(), mp_core::sign::SignError>(())
//! ```
//!
//! What is signed is the [`Domain`]'s name behind its length in bytes (64 bits, big-endian), then
//! the message. So a proof made for one purpose is worth nothing for another, and third parties
//! can rebuild the bytes. This module makes no keys and stores none: the host supplies them.

mod domain;
mod ed25519;
mod error;
mod hmac;
mod key_id;
mod rotation;
mod secret;
mod signature;
mod tag;

pub use domain::Domain;
pub use ed25519::{PublicKey, SigningKey, SigningRing, VerifyingRing};
pub use error::SignError;
pub use hmac::KeyRing;
pub use key_id::{KEYS_MAX, KeyId};
pub use secret::{SECRET_LENGTH_MIN, Secret};
pub use signature::Signature;
pub use tag::{TAG_LENGTH_MAX, TAG_LENGTH_MIN, Tag};
