use std::sync::atomic::{AtomicU32, Ordering};

use mp_core::host::{Host, Operation};
use mp_pay::webhook::WebhookId;
use serde_json::Value;

use super::example::{Example, keyed};

/// Calls that build a world, each under a key of its own.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    host: &'a Host,
    calls: AtomicU32,
    /// Webhooks that were accepted and wait to be handled: they come from a bank, by no operation.
    pub(crate) waiting: [WebhookId; 2],
}

impl<'a> Setup<'a> {
    pub(crate) const fn on(host: &'a Host, waiting: [WebhookId; 2]) -> Self {
        Self {
            host,
            calls: AtomicU32::new(0),
            waiting,
        }
    }

    /// Calls an operation that must succeed.
    pub(crate) async fn call(&self, by: &'static str, name: &'static str, input: Value) -> Value {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let operation = operation(self.host, name);
        let input = keyed(operation, &input, &format!("set-up-{number}"));
        let caller = Example::of(name, by, Value::Null).caller(operation);
        let answer = self.host.call(&caller, name, input).await;
        answer.unwrap_or_else(|error| panic!("{name} by {by}: {}", error.to_json()))
    }
}

/// Returns an operation by its name.
pub(crate) fn operation<'a>(host: &'a Host, name: &str) -> &'a Operation {
    let found = host.operations().find(|each| each.name() == name);
    found.unwrap_or_else(|| panic!("{name} is registered"))
}
