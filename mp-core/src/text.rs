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
#[doc(hidden)]
#[macro_export]
macro_rules! text_form {
    ($type:ident, expected: $expected:expr, pattern: $pattern:expr $(,)?) => {
        impl $crate::text::serde::Serialize for $type {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: $crate::text::serde::Serializer,
            {
                serializer.collect_str(self)
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
