//! The sandbox keeps the contract of a payout backend, whatever it is told that it can do.
#![cfg(feature = "conformance")]

use std::time::Duration;

use mp_pay::{
    backend::{Capabilities, MinorUnits},
    conformance::payouts::SandboxPayouts,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

mod all {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(
        Capabilities::neither().with_replay(DAY).with_queries()
    ));
}

mod replays {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(
        Capabilities::neither().with_replay(DAY)
    ));
}

mod queries {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(Capabilities::neither().with_queries()));
}

mod replays_and_names {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(
        Capabilities::neither()
            .with_replay(DAY)
            .with_queries_by_reference()
    ));
}

mod names {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(
        Capabilities::neither().with_queries_by_reference()
    ));
}

mod neither {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(Capabilities::neither()));
}

mod in_stripes_units {
    use super::*;

    mp_pay::payout_conformance!(SandboxPayouts::new(
        Capabilities::neither()
            .with_queries()
            .with_minor_units(MinorUnits::STRIPE)
    ));
}
