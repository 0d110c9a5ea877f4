use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::Error;

/// The longest record key, in bytes.
pub const KEY_LENGTH_MAX: usize = 255;

/// Names a record inside its partition: visible ASCII, segments joined by `/`, in byte order.
///
/// The empty key is the root. Keys that start with `~` are the delivery namespace, which decisions
/// never read: `~o/{kind}/{id}` is an outbox message, `~t/{kind}/{id}` a timer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(
    /// The text; `None` for the root, which is named often.
    Option<Arc<str>>,
);

impl Key {
    /// Checks and keeps a key.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is longer than [`KEY_LENGTH_MAX`] or has a character that is not
    /// visible ASCII.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.len() > KEY_LENGTH_MAX {
            return Err(Error::invalid("key", "is longer than 255 bytes"));
        }
        // Without a way out in between, several bytes are looked at in one step.
        if !text
            .bytes()
            .fold(true, |so_far, byte| so_far & byte.is_ascii_graphic())
        {
            return Err(Error::invalid(
                "key",
                "has a character that is not visible ASCII",
            ));
        }
        Ok(Self((!text.is_empty()).then(|| text.into())))
    }

    /// Returns the key of the root record.
    #[must_use]
    pub const fn root() -> Self {
        Self(None)
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns whether this is the root's key.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// Returns whether the key lies in the delivery namespace.
    #[must_use]
    pub fn is_delivery(&self) -> bool {
        self.as_str().starts_with('~')
    }

    /// Returns the kind of work that a delivery key names: its second segment.
    #[must_use]
    pub fn delivery_kind(&self) -> Option<&str> {
        let mut segments = self.as_str().split('/');
        let namespace = segments.next()?;
        let kind = segments.next().filter(|kind| !kind.is_empty())?;
        matches!(namespace, "~o" | "~t").then_some(kind)
    }
}

/// As the text, which a key may be looked up by.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delivery_keys_name_their_kind() {
        let kind = |text: &str| {
            Key::new(text)
                .expect(text)
                .delivery_kind()
                .map(str::to_owned)
        };
        assert_eq!(kind("~o/pay.captured/x").as_deref(), Some("pay.captured"));
        assert_eq!(kind("~t/group.expire/x").as_deref(), Some("group.expire"));
        for text in ["", "m/x", "~", "~o", "~o/", "~x/kind/id"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_visible_ascii(text in "[ -~]{0,40}[\\x00-\\x7fü]?[!-~]{0,40}") {
            let visible = text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
            prop_assert_eq!(Key::new(&text).is_ok(), visible);
        }
    }

    #[test]
    fn keys_that_no_store_could_keep_are_refused() {
        for text in ["a b", "ü", "a\n", "\0", &"k".repeat(256)] {
            assert_eq!(Key::new(text).expect_err(text).field(), Some("key"));
        }
    }
}
