//! Where attempts go.

use std::collections::BTreeMap;

use mp_core::{Timestamp, amount::Money, id::Name};

use super::{FALL_OVERS_MAX, Misfit, NoRoute, RouteRequest, Routing, route};
use crate::{
    attempt::Attempt, backend::Capabilities, error::PayError, intent::CaptureMethod,
    payment::Payment,
};

/// Where an attempt is to go.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) backend: Option<Name>,
    pub(crate) can: Capabilities,
}

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
