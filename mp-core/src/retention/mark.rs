use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, document::Document, store::Version};

/// What is left of an aggregate that was retired, as the root of its partition.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Retired {
    /// The kind that the root had.
    pub was: String,
    /// The head version that was retired; the archive has it under the same.
    pub head: u64,
    /// When.
    pub at: Timestamp,
    /// Where it was archived, in the archive's own words; `None` if it was discarded.
    #[serde(default)]
    pub archive: Option<String>,
    /// Whether nothing else of it is left in the store.
    #[serde(default)]
    pub emptied: bool,
}

impl Document for Retired {
    const KIND: &'static str = "retired";
    const FORMAT: u32 = 1;
}

impl Retired {
    /// Returns the version that was retired.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version(self.head)
    }

    /// Returns whether a stored value is such a mark.
    pub(crate) fn stands_in(value: &[u8]) -> bool {
        // Every release writes the kind first.
        value.starts_with(br#"{"kind":"retired","#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn a_mark_is_known_by_its_first_bytes() {
        let mark = Retired {
            was: "order".into(),
            head: 7,
            at: Timestamp::MIN,
            archive: None,
            emptied: true,
        };
        let bytes = document::encode(&mark, None).expect("encodes");
        assert!(Retired::stands_in(&bytes));
        assert!(!Retired::stands_in(
            br#"{"kind":"retired_order","format":1}"#
        ));
    }
}
