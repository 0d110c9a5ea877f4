//! Every record kind this crate has ever written is read for ever.

use crate::{
    conformance::Fixtures, host::keys::UsedKeys, idempotency::Remembered, retention::Retired,
    steps::Plan,
};

#[test]
fn every_record_ever_written_is_read_for_ever() {
    let fixtures = Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    let checked = fixtures
        .with::<UsedKeys>()
        .with::<Remembered>()
        .with::<Plan>()
        .with::<Retired>()
        .check();
    assert_eq!(checked, Ok(4));
}
