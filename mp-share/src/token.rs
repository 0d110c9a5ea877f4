//! The binary token of a share link, and its two text forms.

use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use mp_core::{
    Timestamp,
    id::AppId,
    sign::{Domain, KeyId, KeyRing, SignError, Tag},
};

use crate::{
    error::ShareError,
    link::{BODY_LENGTH, ShareLink},
};

/// The bytes of a token.
pub const TOKEN_LENGTH: usize = 45;

/// The characters of a token's form for QR codes: base32 in capitals.
pub const TOKEN_BASE32_LENGTH: usize = 72;

/// The characters of a token's form for messages and launch parameters: base64url.
pub const TOKEN_BASE64URL_LENGTH: usize = 60;

/// A signed share link as it travels: 45 bytes, checked or not.
///
/// ```text
///  0        1                 5                              29                    45
///  ├────────┼─────────────────┼──────────────────────────────┼─────────────────────┤
///  │ format │ expires at      │ body of the link             │ HMAC-SHA256,        │
///  │ 4 bits,│ seconds of Unix │ (see `ShareLink`)            │ first 128 bits      │
///  │ key 4  │ time, big-endian│                              │                     │
///  └────────┴─────────────────┴──────────────────────────────┴─────────────────────┘
/// ```
///
/// The tag covers the 29 bytes before it and the id of the app, so a token of one app is worth
/// nothing in another. 45 bytes are a whole number of characters in base32 and in base64url
/// (RFC 4648 §6 and §5): neither form has padding or slack bits, and each token has exactly one
/// text in each. Other texts (small letters in base32, padding, another length) are refused.
///
/// A token is short enough for the `start` parameter of a Telegram bot (64 characters); a WeChat
/// mini-program code's `scene` (32 characters) is too short for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; TOKEN_LENGTH]);

impl Token {
    /// Signs a link for an app with the ring's active key.
    #[must_use]
    pub fn sign(ring: &KeyRing, app: &AppId, link: &ShareLink) -> Self {
        let mut bytes = [0; TOKEN_LENGTH];
        bytes[0] = FORMAT << 4 | ring.active().number();
        bytes[EXPIRY].copy_from_slice(&link.expiry_seconds().to_be_bytes());
        bytes[BODY].copy_from_slice(&link.to_body());
        let (_, tag) = ring.sign(DOMAIN, Signed::new(&bytes, app).as_bytes());
        bytes[TAG].copy_from_slice(&tag.as_bytes()[..TAG_LENGTH]);
        Self(bytes)
    }

    /// Reads either text form.
    ///
    /// # Errors
    ///
    /// [`ShareError::Malformed`] for everything else.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let encoding = match text.len() {
            TOKEN_BASE32_LENGTH => &BASE32_NOPAD,
            TOKEN_BASE64URL_LENGTH => &BASE64URL_NOPAD,
            _ => return Err(ShareError::Malformed),
        };
        let mut bytes = [0; TOKEN_LENGTH];
        match encoding.decode_mut(text.as_bytes(), &mut bytes) {
            Ok(TOKEN_LENGTH) => Ok(Self(bytes)),
            _ => Err(ShareError::Malformed),
        }
    }

    /// Returns the link if this token was signed for the app and has not expired.
    ///
    /// It asks no store, allocates nothing, and compares tags in constant time.
    ///
    /// # Errors
    ///
    /// [`ShareError::Malformed`] for another format, [`ShareError::UnknownKey`],
    /// [`ShareError::BadSignature`], [`ShareError::Expired`].
    pub fn verify(
        &self,
        ring: &KeyRing,
        app: &AppId,
        now: Timestamp,
    ) -> Result<ShareLink, ShareError> {
        self.signed_link(ring, app)?.unless_expired(now)
    }

    /// Returns the link if this token was signed for the app, also when it has expired.
    pub(crate) fn signed_link(&self, ring: &KeyRing, app: &AppId) -> Result<ShareLink, ShareError> {
        if self.0[0] >> 4 != FORMAT {
            return Err(ShareError::Malformed);
        }
        let malformed = |_| ShareError::Malformed;
        let key = KeyId::new(self.0[0] & 0x0f).map_err(malformed)?;
        let tag = Tag::from_bytes(&self.0[TAG]).map_err(malformed)?;
        ring.verify(DOMAIN, key, Signed::new(&self.0, app).as_bytes(), &tag)
            .map_err(|error| match error {
                SignError::UnknownKey { .. } => ShareError::UnknownKey,
                _ => ShareError::BadSignature,
            })?;
        self.link().ok_or(ShareError::Malformed)
    }

    /// Returns the form for QR codes: 72 capitals and digits.
    #[must_use]
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// Returns the form for messages: 60 letters, digits, `-` and `_`.
    #[must_use]
    pub fn base64url(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; TOKEN_LENGTH] {
        &self.0
    }

    fn link(&self) -> Option<ShareLink> {
        let expiry = u32::from_be_bytes(self.0[EXPIRY].try_into().ok()?);
        let body: [u8; BODY_LENGTH] = self.0[BODY].try_into().ok()?;
        ShareLink::from_parts(expiry, &body)
    }
}

/// Whoever holds a token can open its link, so it is not printed.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What is signed: the token up to its tag, then the app's id.
struct Signed {
    bytes: [u8; TAG.start + AppId::LENGTH_MAX],
    length: usize,
}

impl Signed {
    fn new(token: &[u8; TOKEN_LENGTH], app: &AppId) -> Self {
        let app = app.as_str().as_bytes();
        let mut bytes = [0; TAG.start + AppId::LENGTH_MAX];
        bytes[..TAG.start].copy_from_slice(&token[..TAG.start]);
        // An app id has at most `LENGTH_MAX` bytes.
        bytes[TAG.start..TAG.start + app.len()].copy_from_slice(app);
        Self {
            bytes,
            length: TAG.start + app.len(),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

const DOMAIN: Domain = Domain::new("mp-share/link/v1");
const FORMAT: u8 = 1;
const TAG_LENGTH: usize = 16;
const EXPIRY: std::ops::Range<usize> = 1..5;
const BODY: std::ops::Range<usize> = 5..5 + BODY_LENGTH;
const TAG: std::ops::Range<usize> = BODY.end..BODY.end + TAG_LENGTH;
const _: () = assert!(TAG.end == TOKEN_LENGTH);

#[cfg(test)]
mod tests;
