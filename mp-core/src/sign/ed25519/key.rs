//! The two halves of an Ed25519 key.

use std::fmt;
use std::sync::Arc;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::sign::{Secret, SignError, Signature};

/// An Ed25519 private key ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)), which prints as
/// its public half.
#[derive(Clone)]
pub struct SigningKey(Arc<Ed25519KeyPair>);

impl SigningKey {
    /// Returns the key of a seed of 32 bytes, the private key of RFC 8032.
    ///
    /// # Errors
    ///
    /// [`SignError::MalformedKey`] if the secret has another length.
    pub fn from_seed(seed: &Secret) -> Result<Self, SignError> {
        Ed25519KeyPair::from_seed_unchecked(seed.bytes())
            .map(|pair| Self(Arc::new(pair)))
            .map_err(|_| SignError::MalformedKey)
    }

    /// Returns the key of a PKCS#8 document in DER, with or without its public half
    /// ([RFC 8410](https://www.rfc-editor.org/rfc/rfc8410)), as `openssl genpkey` writes it.
    ///
    /// # Errors
    ///
    /// [`SignError::MalformedKey`] if it is none, or its halves do not belong together.
    pub fn from_pkcs8(document: &Secret) -> Result<Self, SignError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(document.bytes())
            .map(|pair| Self(Arc::new(pair)))
            .map_err(|_| SignError::MalformedKey)
    }

    /// Returns the half that may be published.
    pub fn public_key(&self) -> PublicKey {
        // RFC 8032 fixes 32 bytes for every Ed25519 public key.
        let mut bytes = [0; PublicKey::LENGTH];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs bytes as they are, without a domain.
    pub(super) fn sign_raw(&self, bytes: &[u8]) -> Signature {
        // RFC 8032 fixes 64 bytes for every Ed25519 signature.
        let mut signature = [0; Signature::LENGTH];
        signature.copy_from_slice(self.0.sign(bytes).as_ref());
        Signature::new(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(*** of {:?})", self.public_key())
    }
}

/// An Ed25519 public key, 32 bytes.
///
/// Bytes that are no point of the curve verify nothing; that shows when they are used.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct PublicKey([u8; Self::LENGTH]);

impl PublicKey {
    /// The number of bytes.
    pub const LENGTH: usize = 32;

    /// Returns the public key of its bytes.
    pub const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Checks a signature of bytes as they are, without a domain.
    pub(super) fn verify_raw(&self, bytes: &[u8], signature: &Signature) -> Result<(), SignError> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(bytes, signature.as_bytes())
            .map_err(|_| SignError::BadTag)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    /// RFC 8032 §7.1, tests 1 to 3.
    #[test]
    fn raw_signatures_are_those_of_rfc_8032() {
        for [seed, public, message, expected] in [
            [
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ],
            [
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ],
            [
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ],
        ] {
            let key = SigningKey::from_seed(&Secret::new(bytes(seed)).unwrap()).unwrap();
            assert_eq!(key.public_key().as_bytes()[..], bytes(public));
            let signature = key.sign_raw(&bytes(message));
            assert_eq!(signature.as_bytes()[..], bytes(expected));
            assert_eq!(
                key.public_key().verify_raw(&bytes(message), &signature),
                Ok(())
            );
        }
    }

    #[test]
    fn a_seed_has_exactly_32_bytes() {
        let long = Secret::new([1; 33]).unwrap();
        assert_eq!(
            SigningKey::from_seed(&long).err(),
            Some(SignError::MalformedKey)
        );
        assert_eq!(
            SigningKey::from_pkcs8(&long).err(),
            Some(SignError::MalformedKey)
        );
    }

    #[test]
    fn printing_a_key_shows_its_public_half_only() {
        let key = SigningKey::from_seed(&Secret::new([0x5a; 32]).unwrap()).unwrap();
        let printed = format!("{key:?}");
        assert_eq!(
            printed,
            format!("SigningKey(*** of {:?})", key.public_key())
        );
        assert!(!printed.contains("5a5a"), "{printed}");
    }
}
