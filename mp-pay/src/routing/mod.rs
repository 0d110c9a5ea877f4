#![doc = include_str!("routing.md")]

mod backends;
mod circuit;
mod circuit_options;
mod destination;
mod health;
mod refusal;
mod route;
mod rule;
mod window;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mp_core::{Error, Timestamp, id::Name};

pub(crate) use self::destination::Destination;
pub use self::{
    backends::{BACKENDS_MAX, Backends},
    circuit::{CallEnd, Standing},
    circuit_options::CircuitOptions,
    health::Health,
    refusal::{Misfit, NoRoute},
    route::{RouteRequest, route},
    rule::{CANDIDATES_MAX, RULES_MAX, RoutingRule, RoutingRules},
};
use crate::{
    backend::{Capabilities, PaymentBackend, WebhookTrust},
    error::PayError,
    operation::Step,
    payment::Payment,
};

/// How often one confirmation falls over: with the first, three backends are tried at most.
pub const FALL_OVERS_MAX: usize = 2;

/// Several backends, the rules by which payments go to them, and how they stand.
#[derive(Debug)]
pub struct Routing {
    backends: Backends,
    /// None where there is one backend and nothing to decide.
    rules: Option<RoutingRules>,
    health: Mutex<Health>,
}

impl Routing {
    /// Joins backends with the rules by which payments go to them.
    ///
    /// # Errors
    ///
    /// `invalid_field` for more than [`BACKENDS_MAX`] backends, for two of one name, and for a rule
    /// that names one that is not there.
    pub fn new(backends: Backends, rules: RoutingRules) -> Result<Self, Error> {
        let wrong = |field, problem: String| Err(Error::invalid(field, problem));
        if backends.len() > BACKENDS_MAX {
            return wrong("backends", "are more than 32".to_owned());
        }
        if let Some(name) = backends.twice() {
            return wrong("backends", format!("have two that are named {name}"));
        }
        let unknown = |name: &&Name| backends.named(name).is_none();
        if let Some(name) = rules.backends().find(unknown) {
            return wrong(
                "rules",
                format!("name {name}, which is not among the backends"),
            );
        }
        Ok(Self {
            rules: Some(rules),
            ..Self::only(backends)
        })
    }

    /// Takes backends for ill, and spares them, like this.
    #[must_use]
    pub fn with_circuits(mut self, options: CircuitOptions) -> Self {
        self.health = Mutex::new(Health::with_options(options));
        self
    }

    /// Has one backend, to which everything goes.
    pub(crate) fn alone(backend: Arc<dyn PaymentBackend>) -> Self {
        Self::only(Backends::unnamed(backend))
    }

    fn only(backends: Backends) -> Self {
        Self {
            backends,
            rules: None,
            health: Mutex::default(),
        }
    }

    /// Returns how every backend that has a name stands, as this process has seen it.
    pub(crate) fn standings(&self, now: Timestamp) -> BTreeMap<Name, Standing> {
        let health = self.health();
        let names = self.backends.all().filter_map(|(name, _)| name);
        names
            .map(|name| (name.clone(), health.standing(name, now)))
            .collect()
    }

    /// Takes note that the backend of an attempt is being called.
    pub(crate) fn begin(&self, backend: Option<&Name>, now: Timestamp) {
        if let Some(name) = backend {
            self.health().begin(name, now);
        }
    }

    /// Takes note of how that call ended.
    pub(crate) fn end(&self, backend: Option<&Name>, end: CallEnd, now: Timestamp) {
        if let Some(name) = backend {
            self.health().end(name, end, now);
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose the attempts are.
impl Routing {
    /// Returns the backend that an attempt names.
    pub(crate) fn backend(&self, name: Option<&Name>) -> Result<&dyn PaymentBackend, PayError> {
        let Some(name) = name else {
            return Ok(self.backends.first());
        };
        let named = self.backends.named(name);
        named.ok_or_else(|| PayError::BackendMissing(name.clone()))
    }

    /// Returns what the backend of an operation can do.
    pub(crate) fn can(&self, payment: &Payment, step: Step) -> Result<Capabilities, PayError> {
        let name = payment.attempt_of(step).and_then(|it| it.backend.as_ref());
        Ok(self.backend(name)?.capabilities())
    }

    /// Returns whether an operation of a payment was planned for this backend.
    pub(crate) fn is_of(&self, backend: &Name, payment: &Payment, step: Step) -> bool {
        let attempt = payment.attempt_of(step);
        let known = payment.operation(step).and(attempt);
        known.is_some_and(|it| self.backends.name_of(it.backend.as_ref()) == Some(backend))
    }

    /// Returns what the backend can do that the present attempt went to; without an attempt, what
    /// the first one can.
    pub(crate) fn can_now(&self, payment: &Payment) -> Result<Capabilities, PayError> {
        let name = payment.live().and_then(|live| live.backend.as_ref());
        Ok(self.backend(name)?.capabilities())
    }

    /// Returns how far is believed what is told without saying by whom: as far as the least
    /// trusted of the backends, since it may be anybody's.
    pub(crate) fn trust(&self) -> WebhookTrust {
        let mut all = self.backends.all();
        let hints = |backend: &dyn PaymentBackend| {
            backend.capabilities().webhooks == WebhookTrust::HintOnly
        };
        if all.any(|(_, backend)| hints(backend)) {
            WebhookTrust::HintOnly
        } else {
            WebhookTrust::Signed
        }
    }
}
