//! The macro that declares an id type.

/// Declares an id type: a prefix, an underscore and 26 characters of Crockford's base32.
///
/// The 128 bits have the layout of a [ULID](https://github.com/ulid/spec): 48 bits of Unix
/// milliseconds, then 80 random bits. The type copies, its order is that of its text, and serde
/// and schemars see a string. The prefix is 1 to 8 small letters, checked when compiling.
///
/// ```
/// mp_core::id_type!(
///     /// Names a payment intent.
///     pub IntentId, "pi"
/// );
///
/// let intent = IntentId::at(1_700_000_000_000, [0; 10]);
/// assert_eq!(intent.to_string(), "pi_01HF7YAT000000000000000000");
/// assert!("tk_01HF7YAT000000000000000000".parse::<IntentId>().is_err());
/// ```
///
/// A prefix of another form does not compile:
///
/// ```compile_fail,E0080
/// mp_core::id_type!(pub IntentId, "Pi");
/// ```
#[macro_export]
macro_rules! id_type {
    ($(#[$attribute:meta])* $visibility:vis $type:ident, $prefix:literal $(,)?) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        $visibility struct $type(u128);

        #[allow(dead_code, unreachable_pub, reason = "the declaring crate may keep or use only some")]
        impl $type {
            /// What the text form begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Returns the id of a moment and of chance: ids of later milliseconds sort later.
            ///
            /// `millis` is Unix time; what is beyond 48 bits (the year 10889) counts as the
            /// last moment.
            pub const fn at(millis: u64, random: [u8; 10]) -> Self {
                Self($crate::id::raw::at(millis, random))
            }

            /// Returns the id that the parts determine: the same parts, the same id.
            ///
            /// It is the first half of a SHA-256 over the prefix and the length-prefixed parts,
            /// so neither another type nor another split of the same text gives the same id.
            /// Derived ids do not sort by time.
            pub fn derived(domain: &[&str]) -> Self {
                Self($crate::id::raw::derived(Self::PREFIX, domain))
            }

            /// Returns the id of 16 bytes, big-endian, of which every value is an id.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// Returns the 16 bytes, big-endian, for compact formats.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// Returns the text form, without allocating for it.
            #[doc(hidden)]
            pub fn text(&self) -> $crate::text::Short<{ $crate::id::raw::TEXT_ROOM }> {
                $crate::id::raw::text(Self::PREFIX, self.0)
            }
        }

        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, ::core::concat!(::core::stringify!($type), "({})"), self)
            }
        }

        impl ::core::fmt::Display for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl ::core::str::FromStr for $type {
            type Err = $crate::id::ParseIdError;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                $crate::id::raw::parse(Self::PREFIX, text).map(Self)
            }
        }

        impl ::core::convert::TryFrom<&str> for $type {
            type Error = $crate::id::ParseIdError;

            fn try_from(text: &str) -> ::core::result::Result<Self, Self::Error> {
                text.parse()
            }
        }

        $crate::text_form!(
            $type,
            text: Self::text,
            expected: ::core::concat!("an id that begins with `", $prefix, "_`"),
            pattern: ::core::concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
        );

        const _: () = ::core::assert!(
            $crate::id::raw::is_prefix($prefix),
            "an id prefix is 1 to 8 small letters"
        );
    };
}

#[cfg(test)]
mod tests;
