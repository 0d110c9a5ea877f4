//! What the keys have in common under which capabilities ask each other for money.

/// Declares a key: 1 to 100 characters of `A-Z a-z 0-9 . _ -`.
macro_rules! port_key {
    ($(#[$attribute:meta])* $type:ident) => {
        $(#[$attribute])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The longest key, in bytes.
            pub const LENGTH_MAX: usize = 100;

            /// Checks and keeps a key.
            ///
            /// # Errors
            ///
            /// `invalid_field` if it is empty, too long or has another character.
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                let text = text.into();
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
                if (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text))
                } else {
                    Err(Error::invalid(
                        "key",
                        "is not 1 to 100 characters of A-Z a-z 0-9 . _ -",
                    ))
                }
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($type), self.0)
            }
        }

        crate::text_form!(
            $type,
            expected: "1 to 100 characters of A-Z a-z 0-9 . _ -",
            pattern: "^[A-Za-z0-9._-]{1,100}$"
        );
    };
}

pub(super) use port_key;
