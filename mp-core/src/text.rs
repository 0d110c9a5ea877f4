//! The one way in which a type whose outside form is a short string meets serde and schemars.
//!
//! Public only because `id_type!` expands in other crates; not part of the
//! paved path and not covered by semantic versioning.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

pub use {schemars, serde};

/// A text of at most `N` bytes that is built without allocating; best is a multiple of 16, as that many
/// are looked at in one step.
#[derive(Clone, Copy)]
pub struct Short<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Short<N> {
    /// Starts with nothing.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// Returns the text of so many ASCII characters, which have to fit.
    pub(crate) fn of_ascii<const LENGTH: usize>(characters: [u8; LENGTH]) -> Self {
        const { assert!(LENGTH <= N, "it fits") };
        let mut text = Self::new();
        text.bytes[..LENGTH].copy_from_slice(&characters);
        text.length = LENGTH;
        text
    }

    /// Appends a text, or nothing of it if it does not fit; returns whether it did.
    pub fn push(&mut self, text: &str) -> bool {
        let end = self.length + text.len();
        let Some(room) = self.bytes.get_mut(self.length..end) else {
            return false;
        };
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        true
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // Only whole texts were put in, and behind them are zeros, so that this is one.
        let whole = str::from_utf8(&self.bytes).unwrap_or_default();
        whole.get(..self.length).unwrap_or_default()
    }
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> AsRef<str> for Short<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> fmt::Write for Short<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

impl<const N: usize> fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Tells whether `text` has `1..=length_max` bytes, all of them allowed.
pub(crate) fn is_made_of(text: &str, length_max: usize, allowed: fn(u8) -> bool) -> bool {
    (1..=length_max).contains(&text.len()) && text.bytes().all(allowed)
}

/// Reads a string and parses it, without allocating for the string where the format can lend it.
///
/// # Errors
///
/// The format's own error: `expected` names what should have stood there if it was no string,
/// and the parser's message is passed on if it was one.
pub fn deserialize<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(TextVisitor {
        expected,
        parsed: PhantomData,
    })
}

/// Returns the schema of a string that matches `pattern` (ECMA-262, as JSON Schema asks).
pub fn schema(pattern: &str) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "pattern": pattern })
}

struct TextVisitor<T> {
    expected: &'static str,
    parsed: PhantomData<T>,
}

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Gives a type with `Display` and `FromStr` its serde string form and its JSON Schema.
///
/// A type that is written often tells its `text` at once, instead of through a formatter.
#[doc(hidden)]
#[macro_export]
macro_rules! text_form {
    (
        $type:ident, $(text: $text:expr,)?
        expected: $expected:expr, pattern: $pattern:expr $(,)?
    ) => {
        impl $crate::text::serde::Serialize for $type {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: $crate::text::serde::Serializer,
            {
                $crate::serialize_text!(self, serializer $(, $text)?)
            }
        }

        impl<'de> $crate::text::serde::Deserialize<'de> for $type {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: $crate::text::serde::Deserializer<'de>,
            {
                $crate::text::deserialize(deserializer, $expected)
            }
        }

        impl $crate::text::schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(::core::stringify!($type))
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(::core::concat!(
                    ::core::module_path!(),
                    "::",
                    ::core::stringify!($type)
                ))
            }

            fn json_schema(
                _: &mut $crate::text::schemars::SchemaGenerator,
            ) -> $crate::text::schemars::Schema {
                $crate::text::schema($pattern)
            }
        }
    };
}

/// Writes a text that is known at once as a string, any other through its `Display`.
#[doc(hidden)]
#[macro_export]
macro_rules! serialize_text {
    ($value:expr, $serializer:expr) => {
        $serializer.collect_str($value)
    };
    ($value:expr, $serializer:expr, $text:expr) => {
        $serializer.serialize_str(($text)($value).as_ref())
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_short_text_is_what_was_appended_as_long_as_it_fits(
            parts in proptest::collection::vec(any::<String>(), 0..8)
        ) {
            let (mut short, mut whole) = (Short::<32>::new(), String::new());
            for part in &parts {
                let fits = whole.len() + part.len() <= 32;
                prop_assert_eq!(short.push(part), fits);
                if fits {
                    whole.push_str(part);
                }
                prop_assert_eq!(short.as_str(), &whole);
            }
        }
    }
}
