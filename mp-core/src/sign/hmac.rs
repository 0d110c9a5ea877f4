//! Tags that the host checks itself.

use ring::hmac::{Context, HMAC_SHA256, Key};

use crate::sign::rotation::Rotation;
use crate::sign::{Domain, KeyId, Secret, SignError, TAG_LENGTH_MAX, Tag};

/// HMAC-SHA256 keys ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)): one signs, all verify.
///
/// Each key's state is computed once, when it is added. Cloning copies the states, so a host can
/// rotate a copy and swap it in.
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Rotation<Key>,
}

impl KeyRing {
    /// Returns a ring of one key, which signs.
    pub fn new(id: KeyId, secret: &Secret) -> Self {
        Self {
            keys: Rotation::new(id, key(secret.bytes())),
        }
    }

    /// Adds a key that verifies, and signs once it is [activated](Self::activate).
    ///
    /// # Errors
    ///
    /// [`SignError::KeyExists`] if the id is taken.
    pub fn with_key(mut self, id: KeyId, secret: &Secret) -> Result<Self, SignError> {
        self.keys.insert(id, key(secret.bytes()))?;
        Ok(self)
    }

    /// Lets this key sign from now on; the one that did goes on verifying.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`].
    pub fn activate(&mut self, id: KeyId) -> Result<(), SignError> {
        self.keys.activate(id)
    }

    /// Removes a key: what it signed no longer verifies.
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
    pub fn sign(&self, domain: Domain, message: &[u8]) -> (KeyId, Tag) {
        let (id, key) = self.keys.active();
        (id, framed_tag(key, domain, message))
    }

    /// Checks that the tag, whole or truncated, is of this message, purpose and key.
    ///
    /// # Errors
    ///
    /// [`SignError::UnknownKey`] or [`SignError::BadTag`].
    pub fn verify(
        &self,
        domain: Domain,
        key_id: KeyId,
        message: &[u8],
        tag: &Tag,
    ) -> Result<(), SignError> {
        let expected = framed_tag(self.keys.get(key_id)?, domain, message);
        if tag.shortens(&expected) {
            Ok(())
        } else {
            Err(SignError::BadTag)
        }
    }
}

fn key(secret: &[u8]) -> Key {
    Key::new(HMAC_SHA256, secret)
}

fn framed_tag(key: &Key, domain: Domain, message: &[u8]) -> Tag {
    raw_tag(
        key,
        &[&domain.length_prefix(), domain.name().as_bytes(), message],
    )
}

/// Returns the plain HMAC of the parts, one after another.
fn raw_tag(key: &Key, parts: &[&[u8]]) -> Tag {
    let mut context = Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    // SHA-256 has an output of `TAG_LENGTH_MAX` bytes.
    let mut bytes = [0; TAG_LENGTH_MAX];
    bytes.copy_from_slice(context.sign().as_ref());
    Tag::whole(bytes)
}

#[cfg(test)]
mod tests;
