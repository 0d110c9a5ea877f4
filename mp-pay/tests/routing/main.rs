//! What is promised where there are several backends.

mod choice;
mod crashes;
mod falling;
mod providers;
mod races;
#[path = "../support/stores.rs"]
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod theirs;

use mp_pay::backend::{Capabilities, DeclineCode, sandbox::Behaviour};

use self::support::CLASSES;

/// Declines in a way that the rules try elsewhere.
fn processing_error() -> Behaviour {
    Behaviour::Decline(DeclineCode::new("processing_error").expect("a code"))
}

/// Replays keys and answers queries, as neither of the classes does both.
fn able() -> Capabilities {
    CLASSES[0].with_queries()
}
