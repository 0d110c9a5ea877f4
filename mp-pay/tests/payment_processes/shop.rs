//! What everybody pays at.

use std::{env, sync::Arc};

use mp_core::{Engine, clock::Clock, entropy::SystemEntropy, store::Store};
use mp_pay::{Payments, SandboxBackend};

use crate::class::Class;

/// How many of a thousand answers are lost before the provider acts, and as many after.
const LOSSES: u16 = 40;

/// How many commands there are for each payment.
pub(crate) const COMMANDS_EACH: u64 = 10;

/// Returns how many commands are given in all.
pub(crate) fn commands() -> u64 {
    let asked = env::var("MP_PAYMENT_COMMANDS").ok();
    asked.map_or(1_000, |asked| {
        asked.parse().expect("MP_PAYMENT_COMMANDS is a number")
    })
}

/// Returns how many payments there are.
pub(crate) fn intents() -> u64 {
    commands() / COMMANDS_EACH
}

/// Returns the payment about which a command of this number is, give or take.
pub(crate) fn intent_near(number: u64, chance: u64) -> u64 {
    (number / COMMANDS_EACH + chance).min(intents() - 1)
}

/// A process's view of the payments, and of the provider, whose books stand in the same store.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) engine: Engine,
    pub(crate) payments: Payments,
    pub(crate) sandbox: SandboxBackend,
}

impl Shop {
    pub(crate) fn on(store: Arc<dyn Store>, clock: Arc<dyn Clock>, class: Class) -> Self {
        let engine = Engine::new(store, clock, Arc::new(SystemEntropy::new()));
        let account = "acme".parse().expect("a name");
        let sandbox = SandboxBackend::on(&engine, &account)
            .with_capabilities(class.capabilities())
            .with_losses(7, LOSSES);
        Self {
            payments: Payments::new(&engine, Arc::new(sandbox.clone())),
            engine,
            sandbox,
        }
    }
}
