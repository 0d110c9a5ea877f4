use serde::{Deserialize, Serialize};

use crate::{document::Document, store::Version};

/// What is left of an aggregate that was retired, as the root of its partition.
///
/// It stays for ever, so it is short. In format 1 it also said when, which the head's time tells.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Retired {
    /// The kind that the root had.
    pub was: String,
    /// The head version that was retired; the archive has it under the same.
    pub head: u64,
    /// Where it was archived, in the archive's own words; `None` if it was discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Whether nothing else of it is left in the store; written only until that is so.
    #[serde(default = "emptied", skip_serializing_if = "is_emptied")]
    pub emptied: bool,
}

const fn emptied() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_emptied(emptied: &bool) -> bool {
    *emptied
}

impl Document for Retired {
    const KIND: &'static str = "retired";
    const FORMAT: u32 = 2;
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
    fn a_mark_that_does_not_say_so_is_emptied() {
        let mark = |bytes: &[u8]| document::decode::<Retired>(bytes).map(|(mark, _)| mark.emptied);
        let emptied = mark(br#"{"kind":"retired","format":2,"was":"order","head":7}"#);
        assert!(emptied.expect("reads"));
        let older = br#"{"kind":"retired","format":1,"was":"order","head":7,
            "at":"2027-02-01T03:00:00.000000Z","archive":null,"emptied":false}"#;
        assert!(!mark(older).expect("reads"));
    }

    #[test]
    fn a_mark_is_known_by_its_first_bytes() {
        let mark = Retired {
            was: "order".into(),
            head: 7,
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
