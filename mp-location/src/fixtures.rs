//! Every record kind this crate has ever written is read for ever.

use mp_core::conformance::Fixtures;

use crate::{page::Page, place::Place};

#[test]
fn every_record_ever_written_is_read_for_ever() {
    let fixtures = Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .of_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .with::<Page>()
        .with::<Place>()
        .with_value(&["lat", "lon"]);
    assert_eq!(fixtures.check(), Ok(3));
}
