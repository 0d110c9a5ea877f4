use std::cmp::Ordering;

use proptest::prelude::*;

use crate::id::raw::is_prefix;

crate::id_type!(
    /// One kind of thing.
    pub(super) ThingId, "th"
);
crate::id_type!(
    /// Another kind, with the longest prefix.
    pub(super) OtherId, "otherkin"
);

const TEXT: &str = "th_01HF7YAT000W3GE1R70W3GE1R7";

fn thing() -> ThingId {
    ThingId::at(1_700_000_000_000, [7; 10])
}

#[test]
fn only_the_canonical_text_is_read() {
    assert_eq!(TEXT.parse(), Ok(thing()));
    assert_eq!(ThingId::try_from(TEXT), Ok(thing()));
    for text in [
        "",
        "th",
        "th_",
        "01HF7YAT000W3GE1R70W3GE1R7",
        "ot_01HF7YAT000W3GE1R70W3GE1R7",
        "TH_01HF7YAT000W3GE1R70W3GE1R7",
        "th-01HF7YAT000W3GE1R70W3GE1R7",
        "th_01HF7YAT000W3GE1R70W3GE1R",
        "th_01HF7YAT000W3GE1R70W3GE1R7R",
        "th_01hf7yat000w3ge1r70w3ge1r7",
        "th_O1HF7YAT000W3GE1R70W3GE1R7",
        "th_0IHF7YAT000W3GE1R70W3GE1R7",
        "th_0LHF7YAT000W3GE1R70W3GE1R7",
        "th_01HF7YAT000W3GE1R70W3GE1RU",
        "th_81HF7YAT000W3GE1R70W3GE1R7",
        "th_01HF7YAT000W3GE1R70W3GE1é",
        " th_01HF7YAT000W3GE1R70W3GE1R7",
    ] {
        assert!(text.parse::<ThingId>().is_err(), "{text}");
    }
}

#[test]
fn the_error_names_the_expected_prefix_and_not_the_text() {
    let refusal = "secret".parse::<OtherId>().unwrap_err().to_string();
    assert!(
        refusal.contains("`otherkin_`") && !refusal.contains("secret"),
        "{refusal}"
    );
}

proptest! {
    #[test]
    fn the_text_is_the_prefix_and_a_ulid(bits in any::<u128>()) {
        let ulid = ulid::Ulid(bits).to_string();
        let (thing, other) = (ThingId(bits), OtherId(bits));
        prop_assert_eq!(thing.to_string(), format!("th_{ulid}"));
        prop_assert_eq!(other.to_string(), format!("otherkin_{ulid}"));
        prop_assert_eq!(serde_json::to_string(&other).unwrap(), format!("\"otherkin_{ulid}\""));
    }
}

#[test]
fn json_is_the_text() {
    assert_eq!(
        serde_json::to_string(&thing()).unwrap(),
        format!("\"{TEXT}\"")
    );
    assert_eq!(
        serde_json::from_str::<ThingId>(&format!("\"{TEXT}\"")).unwrap(),
        thing()
    );
    let refusal = serde_json::from_str::<ThingId>("7")
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("`th_`"), "{refusal}");
    assert_eq!(format!("{:?}", thing()), format!("ThingId({TEXT})"));
}

#[test]
fn the_schema_is_a_string_with_the_pattern() {
    let schema = serde_json::Value::from(schemars::schema_for!(ThingId));
    assert_eq!(schema["type"], "string");
    assert_eq!(schema["pattern"], "^th_[0-7][0-9A-HJKMNP-TV-Z]{25}$");
}

/// Computed apart from this code:
///
/// ```python
/// def part(text): return len(text).to_bytes(8, "big") + text.encode()
/// parts = ["shop", "ada", "create", "key-1"]
/// data = part("mp-core/id/v1") + part("th") + len(parts).to_bytes(8, "big")
/// hashlib.sha256(data + b"".join(map(part, parts))).hexdigest()[:32]
/// ```
#[test]
fn a_derived_id_is_the_same_for_ever() {
    let id = ThingId::derived(&["shop", "ada", "create", "key-1"]);
    assert_eq!(
        id.to_bytes(),
        0xe0360989c60345d2c83bf2dcd3ab7ac1_u128.to_be_bytes()
    );
}

#[test]
fn neither_another_type_nor_another_split_gives_the_same_id() {
    let id = ThingId::derived(&["ab", "c"]);
    assert_ne!(id.to_bytes(), OtherId::derived(&["ab", "c"]).to_bytes());
    for parts in [
        &["a", "bc"][..],
        &["abc"],
        &["ab", "c", ""],
        &["", "ab", "c"],
        &["c", "ab"],
        &[],
    ] {
        assert_ne!(id, ThingId::derived(parts), "{parts:?}");
    }
}

#[test]
fn a_moment_beyond_48_bits_is_the_last_one() {
    let last = ThingId::at((1 << 48) - 1, [1; 10]);
    assert_eq!(ThingId::at(u64::MAX, [1; 10]), last);
    assert!(last > thing());
}

#[test]
fn prefixes_are_one_to_eight_small_letters() {
    assert!(["a", "pi", "abcdefgh"].into_iter().all(is_prefix));
    assert!(
        !["", "abcdefghi", "Pi", "p1", "p_", "é"]
            .into_iter()
            .any(is_prefix)
    );
}

proptest! {
    #[test]
    fn text_and_bytes_round_trip(bytes: [u8; 16]) {
        let id = ThingId::from_bytes(bytes);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.to_bytes(), bytes);
    }

    #[test]
    fn order_is_that_of_the_text(left: [u8; 16], right: [u8; 16]) {
        let (a, b) = (ThingId::from_bytes(left), ThingId::from_bytes(right));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn later_ids_sort_later(millis in 0_u64..(1 << 48) - 1, a: [u8; 10], b: [u8; 10]) {
        prop_assert_eq!(ThingId::at(millis, a).cmp(&ThingId::at(millis + 1, b)), Ordering::Less);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(th_)?.{0,30}") {
        let _ = text.parse::<ThingId>();
    }

    #[test]
    fn whatever_is_read_is_written_alike(text in "th_[0-9A-Za-z]{26}") {
        if let Ok(id) = text.parse::<ThingId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
