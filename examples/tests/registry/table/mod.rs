//! One valid example for each operation, in a world that it builds through the operations.

mod groups;
mod ledger;
mod links;
mod orders;
mod passes;
mod payments;
mod payouts;
mod places;
mod queues;
mod webhooks;

use super::{example::Example, setup::Setup};

/// The capabilities, by the first part of their operations' names.
const CAPABILITIES: [&str; 8] = [
    "group", "share", "order", "pass", "pay", "ledger", "location", "queue",
];

/// Sets up what the examples of an operation's capability are about, and returns them.
pub(crate) async fn about(setup: &Setup<'_>, operation: &str) -> Vec<Example> {
    match operation.split('.').next().unwrap_or_default() {
        "group" => groups::examples(setup).await,
        "share" => links::examples(setup).await,
        "order" => orders::examples(setup).await,
        "pass" => passes::examples(setup).await,
        "pay" => {
            let mut examples = payments::examples(setup).await;
            examples.extend(payouts::examples(setup).await);
            examples.extend(webhooks::examples(setup).await);
            examples
        }
        "ledger" => ledger::examples(setup).await,
        "location" => places::examples(setup).await,
        "queue" => queues::examples(setup).await,
        capability => panic!("{capability} has no examples: write a table of its own"),
    }
}

/// Sets up everything, and returns every example.
pub(crate) async fn whole(setup: &Setup<'_>) -> Vec<Example> {
    let mut examples = Vec::new();
    for capability in CAPABILITIES {
        examples.extend(about(setup, capability).await);
    }
    examples
}
