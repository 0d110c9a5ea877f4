//! The sandbox keeps the backend contract, whatever it is told that it can do.
#![cfg(feature = "conformance")]

use std::time::Duration;

use mp_pay::{
    backend::{Capabilities, MinorUnits},
    conformance::SandboxFactory,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

mod replays {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(
        Capabilities::neither().with_replay(DAY)
    ));
}

mod queries {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(Capabilities::neither().with_queries()));
}

/// As at Stripe: a key that comes again is answered as the first time, and what has become of it since
/// is asked by its own name.
mod replays_and_names {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(
        Capabilities::neither()
            .with_replay(DAY)
            .with_queries_by_reference()
    ));
}

/// As at a provider that ignores keys.
mod names {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(
        Capabilities::neither().with_queries_by_reference()
    ));
}

mod neither {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(Capabilities::neither()));
}

mod plain {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(
        Capabilities::neither()
            .with_queries()
            .without_partial_capture()
            .with_increases(0)
            .without_partial_refund()
            .without_repeated_refund()
            .with_minor_units(MinorUnits::STRIPE)
    ));
}

mod charges_only {
    use super::*;

    mp_pay::backend_conformance!(SandboxFactory::new(
        Capabilities::neither()
            .with_replay(DAY)
            .without_separate_capture()
            .without_partial_capture()
            .with_increases(0)
            .with_next_actions(&[])
    ));
}
