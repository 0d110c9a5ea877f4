//! What holds in a host some crate of which has `serde_json` keep the order of members.

use mp_core::idempotency::fingerprint;
use serde_json::json;

#[test]
fn a_fingerprint_does_not_depend_on_the_order_of_members() {
    let command = json!({ "zeta": 1, "alpha": { "b": 2, "a": 1 } });
    assert!(
        command.to_string().starts_with(r#"{"zeta""#),
        "the order is kept here"
    );
    // The SHA-256 of {"alpha":{"a":1,"b":2},"zeta":1}, by sha256sum.
    let sorted = "b38320de574de98ca8a86a713e0dab853b86c5a57ff8bcd2a95d78b6b2def2dd";
    assert_eq!(fingerprint(&command).expect("is JSON"), sorted);
}
