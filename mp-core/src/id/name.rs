//! Short texts that come from outside and are checked once.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::text::is_made_of;
use crate::text_form;

/// Says that a text is not a name of the expected kind.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected {expected}")]
pub struct ParseNameError {
    expected: &'static str,
}

/// Declares a checked text: its constant limit, its alphabet, and everything that follows.
macro_rules! name_type {
    (
        $(#[$attribute:meta])*
        $type:ident, 1..=$length_max:literal,
        $allowed:expr, expected: $expected:literal, pattern: $pattern:literal
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The longest text, in bytes.
            pub const LENGTH_MAX: usize = $length_max;

            /// Checks the text and keeps a copy of it.
            ///
            /// # Errors
            ///
            /// [`ParseNameError`] if it is empty, too long, or has a character it must not have.
            pub fn new(text: &str) -> Result<Self, ParseNameError> {
                if is_made_of(text, Self::LENGTH_MAX, $allowed) {
                    Ok(Self(text.into()))
                } else {
                    Err(ParseNameError { expected: $expected })
                }
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.as_str()).finish()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = ParseNameError;

            fn from_str(text: &str) -> Result<Self, ParseNameError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = ParseNameError;

            fn try_from(text: &str) -> Result<Self, ParseNameError> {
                Self::new(text)
            }
        }

        text_form!($type, text: Self::as_str, expected: $expected, pattern: $pattern);
    };
}

name_type!(
    /// Names a mini program, or the host itself where it acts for itself.
    ///
    /// 1 to 64 of `A-Z a-z 0-9 . _ : @ + -`. There is no `/`, because it separates the parts of
    /// a partition's id.
    AppId, 1..=64, is_identity,
    expected: "an app id of 1 to 64 of A-Z a-z 0-9 . _ : @ + -",
    pattern: "^[A-Za-z0-9._:@+-]{1,64}$"
);

name_type!(
    /// Names a person as the host knows them: an opaque account id of the host; no e-mail address or
    /// telephone number, since it stands in keys and archives and cannot be erased.
    ///
    /// 1 to 64 of `A-Z a-z 0-9 . _ : @ + -`.
    UserId, 1..=64, is_identity,
    expected: "a user id of 1 to 64 of A-Z a-z 0-9 . _ : @ + -",
    pattern: "^[A-Za-z0-9._:@+-]{1,64}$"
);

name_type!(
    /// Names what a host sets up once and refers to by a word: a queue, a shop, an offer.
    ///
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
    Name, 1..=64, is_word,
    expected: "a name of 1 to 64 of A-Z a-z 0-9 . _ -",
    pattern: "^[A-Za-z0-9._-]{1,64}$"
);

name_type!(
    /// Names one attempt of a caller at one effect, so that asking again does not do it again.
    ///
    /// 1 to 128 visible ASCII characters (`0x21` to `0x7e`) without `/`.
    IdempotencyKey, 1..=128, is_key,
    expected: "an idempotency key of 1 to 128 visible ASCII characters without /",
    pattern: "^[!-.0-~]{1,128}$"
);

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn is_identity(byte: u8) -> bool {
    is_word(byte) || b":@+".contains(&byte)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns which of all 128 ASCII characters a parser takes as a text of one.
    fn taken<T: FromStr>() -> String {
        (0..128_u8)
            .map(char::from)
            .filter(|c| c.to_string().parse::<T>().is_ok())
            .collect()
    }

    #[test]
    fn alphabets_are_exactly_those_promised() {
        let letters_and_digits: String = ('0'..='9')
            .chain('A'..='Z')
            .chain('a'..='z')
            .collect::<String>();
        let sorted = |extra: &str| {
            let mut all: Vec<char> = letters_and_digits.chars().chain(extra.chars()).collect();
            all.sort_unstable();
            all.into_iter().collect::<String>()
        };
        assert_eq!(taken::<AppId>(), sorted("._:@+-"));
        assert_eq!(taken::<UserId>(), sorted("._:@+-"));
        assert_eq!(taken::<Name>(), sorted("._-"));
        assert_eq!(
            taken::<IdempotencyKey>(),
            ('!'..='~').filter(|&c| c != '/').collect::<String>()
        );
    }

    fn lengths_taken<T: FromStr>() -> Vec<usize> {
        (0..300)
            .filter(|&length| "a".repeat(length).parse::<T>().is_ok())
            .collect()
    }

    #[test]
    fn lengths_are_exactly_those_promised() {
        assert_eq!(lengths_taken::<AppId>(), (1..=64).collect::<Vec<_>>());
        assert_eq!(lengths_taken::<UserId>(), (1..=64).collect::<Vec<_>>());
        assert_eq!(lengths_taken::<Name>(), (1..=64).collect::<Vec<_>>());
        assert_eq!(
            lengths_taken::<IdempotencyKey>(),
            (1..=128).collect::<Vec<_>>()
        );
    }

    #[test]
    fn text_beyond_ascii_is_refused() {
        for text in ["ä", "名", "a\u{200b}", "ａ"] {
            assert!(AppId::new(text).is_err());
            assert!(IdempotencyKey::new(text).is_err());
        }
    }

    #[test]
    fn json_is_the_checked_string() {
        let user: UserId = serde_json::from_str(r#""ada@example.org""#).unwrap();
        assert_eq!(user, UserId::new("ada@example.org").unwrap());
        assert_eq!(
            serde_json::to_string(&user).unwrap(),
            r#""ada@example.org""#
        );
        let refusal = serde_json::from_str::<UserId>(r#""a b""#)
            .unwrap_err()
            .to_string();
        assert!(refusal.starts_with("expected a user id"), "{refusal}");
        let no_text = serde_json::from_str::<UserId>("7").unwrap_err().to_string();
        assert!(no_text.contains("expected a user id"), "{no_text}");
    }

    #[test]
    fn an_error_never_repeats_the_text() {
        let refusal = IdempotencyKey::new("secret/key").unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains("secret"));
    }
}
