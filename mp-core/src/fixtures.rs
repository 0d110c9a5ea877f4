//! Every record kind this crate has ever written is read for ever.

use crate::{
    conformance::Fixtures,
    feed::{
        Event,
        records::{Emission, Head, Mark, Progress, Project, Source, Trim},
    },
    host::keys::UsedKeys,
    idempotency::Remembered,
    retention::Retired,
    steps::Plan,
};

fn fixtures() -> Fixtures {
    Fixtures::in_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .of_sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .with::<UsedKeys>()
        .with::<Remembered>()
        .with::<Plan>()
        .with::<Head>()
        .with::<Event>()
        .with::<Mark>()
        .with::<Trim>()
        .with::<Source>()
        .with::<Emission>()
        .with::<Progress>()
        .with::<Project>()
        .with::<Retired>()
}

#[test]
fn every_record_ever_written_is_read_for_ever() {
    assert_eq!(fixtures().check(), Ok(17));
}

#[test]
fn what_may_grow_is_what_no_state_machine_moves_on_from() {
    let growing = fixtures().growing();
    assert_eq!(
        Vec::from_iter(growing),
        ["plan/standing", "plan/steps/*/state"]
    );
}
