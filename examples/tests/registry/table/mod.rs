//! One valid example for each operation, in a world that it builds through the operations.

mod groups;
mod links;
mod orders;
mod passes;
mod payments;
mod places;
mod queues;

use super::{example::Example, setup::Setup};

/// Sets up what the examples are about, and returns them.
pub(crate) async fn all(setup: &Setup<'_>) -> Vec<Example> {
    let mut examples = groups::examples(setup).await;
    examples.extend(links::examples(setup).await);
    examples.extend(orders::examples(setup).await);
    examples.extend(passes::examples(setup).await);
    examples.extend(payments::examples(setup).await);
    examples.extend(places::examples(setup).await);
    examples.extend(queues::examples(setup).await);
    examples
}
