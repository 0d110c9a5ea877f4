#![doc = include_str!("routing.md")]

mod backends;
mod circuit;
mod circuit_options;
mod health;
mod refusal;
mod route;
mod rule;
mod window;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mp_core::{Error, Timestamp, amount::Money, id::Name};

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
    attempt::Attempt,
    backend::{Capabilities, PaymentBackend, WebhookTrust},
    error::PayError,
    intent::CaptureMethod,
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

/// Where an attempt is to go.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) backend: Option<Name>,
    pub(crate) can: Capabilities,
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

    /// Returns what the backend of an operation can do; of one without an attempt, nothing that
    /// was ever planned, what the first backend can.
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

    /// Returns what the backend can do that the present attempt went to.
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

/// Where attempts go.
impl Routing {
    /// Refuses an intent that no backend can take, however it will be paid.
    pub(crate) fn admit(&self, amount: Money, capture: CaptureMethod) -> Result<(), PayError> {
        let request = RouteRequest::of(amount).captured(capture);
        if self.rules.is_none() {
            return self.alone_for(&request).map(drop);
        }
        let mut misfits = Vec::new();
        for (name, backend) in self.backends.all() {
            match (name, request.misfit(Some(&backend.capabilities()))) {
                (Some(name), Some(misfit)) => misfits.push((name.clone(), misfit)),
                _ => return Ok(()),
            }
        }
        Err(PayError::NoRoute(NoRoute { misfits }))
    }

    /// Returns where the first attempt of a confirmation goes.
    pub(crate) fn first(
        &self,
        request: &RouteRequest,
        now: Timestamp,
    ) -> Result<Destination, PayError> {
        let Some(rules) = &self.rules else {
            return self.alone_for(request);
        };
        let can = self.abilities();
        let candidates = route(rules, request, &can, &self.health(), now);
        let candidates = candidates.map_err(PayError::NoRoute)?;
        let first = candidates.first().and_then(|name| destination(name, &can));
        let misfits = Vec::new();
        first.ok_or(PayError::NoRoute(NoRoute { misfits }))
    }

    /// Returns where to go on with an attempt that surely took nothing; `None` if that is the
    /// answer: the rules do not call its decline one to be tried elsewhere, or nothing is left.
    pub(crate) fn elsewhere(
        &self,
        payment: &Payment,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Option<Destination> {
        let rules = self.rules.as_ref()?;
        let request = RouteRequest::again(attempt);
        let tried = payment.tried(attempt);
        let declined = attempt.charge.code.as_ref();
        let falls = &rules.rule_for(&request)?.fall_over_on;
        if declined.is_some_and(|code| !falls.contains(code)) || tried.len() > FALL_OVERS_MAX {
            return None;
        }
        let can = self.abilities();
        let candidates = route(rules, &request, &can, &self.health(), now).ok()?;
        let was_tried = |name: &Name| {
            let mut named = tried
                .iter()
                .map(|it| self.backends.name_of(it.backend.as_ref()));
            named.any(|other| other == Some(name))
        };
        let mut left = candidates.into_iter().filter(|name| !was_tried(name));
        destination(left.next()?, &can)
    }

    /// Sends it to the only backend, if that can do it.
    fn alone_for(&self, request: &RouteRequest) -> Result<Destination, PayError> {
        let can = self.backends.first().capabilities();
        match request.misfit(Some(&can)) {
            None => Ok(Destination { backend: None, can }),
            Some(Misfit::Uncounted(error)) => Err(PayError::Uncounted(error)),
            Some(_) => Err(PayError::Unsupported("separate capture")),
        }
    }

    fn abilities(&self) -> BTreeMap<Name, Capabilities> {
        let all = self.backends.all();
        all.filter_map(|(name, backend)| Some((name?.clone(), backend.capabilities())))
            .collect()
    }
}

fn destination(name: &Name, can: &BTreeMap<Name, Capabilities>) -> Option<Destination> {
    Some(Destination {
        backend: Some(name.clone()),
        can: *can.get(name)?,
    })
}
