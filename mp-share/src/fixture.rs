//! Stored values of every kind and format that was ever written, in `tests/fixtures`: they are read
//! for ever.

use std::{fs, path::Path};

use mp_core::document::{self, Document};

/// Reads the fixtures of a kind, of every format up to the present one, and writes the present one
/// again byte by byte.
pub(crate) fn reads_back<D: Document>() {
    for format in 1..=D::FORMAT {
        let text = fixture(D::KIND, format);
        let bytes = text.trim_end().as_bytes();
        let (value, newer) = document::decode::<D>(bytes).expect("an old value reads");
        assert!(newer.is_none(), "no fixture is from the future");
        if format == D::FORMAT {
            let again = document::encode(&value, None).expect("writes");
            assert_eq!(String::from_utf8_lossy(&again), text.trim_end());
        }
    }
}

fn fixture(kind: &str, format: u32) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let path = fixtures.join(format!("{kind}.{format}.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
