//! Signatures that third parties check.

mod key;

pub use key::{PublicKey, SigningKey};

use crate::sign::rotation::{KeySet, Rotation};
use crate::sign::{Domain, KeyId, SignError, Signature};

/// Ed25519 private keys, of which one signs.
///
/// ```
/// use mp_core::sign::{Domain, KeyId, Secret, SigningKey, SigningRing};
///
/// const RECEIPT: Domain = Domain::new("shop/receipt/v1");
///
/// let key = SigningKey::from_seed(&Secret::new([7; 32])?)?;
/// let ring = SigningRing::new(KeyId::new(0)?, key);
/// let (id, signature) = ring.sign(RECEIPT, b"12.50 EUR");
/// assert!(ring.verifying().verify(RECEIPT, id, b"12.50 EUR", &signature).is_ok());
/// # Ok::<(), mp_core::sign::SignError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SigningRing {
    keys: Rotation<SigningKey>,
}

impl SigningRing {
    /// Returns a ring of one key, which signs.
    pub fn new(id: KeyId, key: SigningKey) -> Self {
        Self {
            keys: Rotation::new(id, key),
        }
    }

    /// Adds a key, which signs once it is [activated](Self::activate). Publish its public half
    /// before that.
    ///
    /// # Errors
    ///
    /// [`SignError::KeyExists`] if the id is taken.
    pub fn with_key(mut self, id: KeyId, key: SigningKey) -> Result<Self, SignError> {
        self.keys.insert(id, key)?;
        Ok(self)
    }

    /// Lets this key sign from now on; the one that did stays in the ring.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`].
    pub fn activate(&mut self, id: KeyId) -> Result<(), SignError> {
        self.keys.activate(id)
    }

    /// Removes a key, also from the rings that [`verifying`](Self::verifying) returns from now on.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`], or [`SignError::KeyActive`] for the key that signs.
    pub fn retire(&mut self, id: KeyId) -> Result<(), SignError> {
        self.keys.retire(id)
    }

    /// Returns the id of the key that signs.
    pub fn active(&self) -> KeyId {
        self.keys.active().0
    }

    /// Signs a message for one purpose.
    pub fn sign(&self, domain: Domain, message: &[u8]) -> (KeyId, Signature) {
        let (id, key) = self.keys.active();
        (id, key.sign_raw(&domain.frame(message)))
    }

    /// Returns the public halves of all keys of the ring.
    pub fn verifying(&self) -> VerifyingRing {
        VerifyingRing {
            keys: self.keys.map(SigningKey::public_key),
        }
    }
}

/// Ed25519 public keys, which verify what a [`SigningRing`] signed, here or elsewhere.
#[derive(Clone, Debug, Default)]
pub struct VerifyingRing {
    keys: KeySet<PublicKey>,
}

impl VerifyingRing {
    /// Returns a ring without keys, which verifies nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    ///
    /// # Errors
    ///
    /// [`SignError::KeyExists`] if the id is taken.
    pub fn with_key(mut self, id: KeyId, key: PublicKey) -> Result<Self, SignError> {
        self.keys.insert(id, key)?;
        Ok(self)
    }

    /// Removes a key: what it signed no longer verifies.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`].
    pub fn retire(&mut self, id: KeyId) -> Result<(), SignError> {
        self.keys.remove(id).map(drop)
    }

    /// Returns the public key of an id, to be published.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`].
    pub fn public_key(&self, id: KeyId) -> Result<PublicKey, SignError> {
        self.keys.get(id).copied()
    }

    /// Checks that the signature is of this message, purpose and key.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`] or [`SignError::BadTag`].
    pub fn verify(
        &self,
        domain: Domain,
        key_id: KeyId,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignError> {
        self.keys
            .get(key_id)?
            .verify_raw(&domain.frame(message), signature)
    }
}

#[cfg(test)]
mod tests;
