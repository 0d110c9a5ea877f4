use std::sync::Arc;

use mp_core::id::Name;

use crate::backend::PaymentBackend;

/// The most backends of one service.
pub const BACKENDS_MAX: usize = 32;

/// Payment backends by the names that attempts keep.
///
/// A name is for good: an attempt that was planned with it goes to no backend of another name, so
/// one that was renamed or left out has its attempts wait until it is back.
#[derive(Clone, Debug)]
pub struct Backends {
    first: Arc<dyn PaymentBackend>,
    named: Vec<(Name, Arc<dyn PaymentBackend>)>,
}

impl Backends {
    /// Starts with a backend. Whoever had only one before names that first: the attempts that were
    /// planned then name none, and are its.
    #[must_use]
    pub fn new(name: Name, backend: Arc<dyn PaymentBackend>) -> Self {
        Self::unnamed(backend.clone()).with(name, backend)
    }

    /// Adds a backend.
    #[must_use]
    pub fn with(mut self, name: Name, backend: Arc<dyn PaymentBackend>) -> Self {
        self.named.push((name, backend));
        self
    }

    /// Keeps the only one there is, which attempts do not name.
    pub(super) const fn unnamed(backend: Arc<dyn PaymentBackend>) -> Self {
        Self {
            first: backend,
            named: Vec::new(),
        }
    }

    /// Returns the backend of this name, if it is here.
    pub(super) fn named(&self, name: &Name) -> Option<&dyn PaymentBackend> {
        let mut named = self.named.iter();
        let (_, backend) = named.find(|(known, _)| known == name)?;
        Some(&**backend)
    }

    /// Returns the backend whose are the attempts that name none.
    pub(super) fn first(&self) -> &dyn PaymentBackend {
        &*self.first
    }

    /// Returns the name of the backend that an attempt goes to: the first one's if it names none.
    pub(super) fn name_of<'a>(&'a self, attempt: Option<&'a Name>) -> Option<&'a Name> {
        attempt.or_else(|| self.named.first().map(|(name, _)| name))
    }

    /// Returns every backend, with its name if it has one.
    pub(super) fn all(&self) -> impl Iterator<Item = (Option<&Name>, &dyn PaymentBackend)> {
        let alone = self.named.is_empty().then_some((None, &*self.first));
        let named = self.named.iter();
        alone
            .into_iter()
            .chain(named.map(|(name, backend)| (Some(name), &**backend)))
    }

    /// Returns the first name that stands twice.
    pub(super) fn twice(&self) -> Option<&Name> {
        let names = || self.named.iter().map(|(name, _)| name);
        names().enumerate().find_map(|(at, name)| {
            let earlier = names().take(at).any(|other| other == name);
            earlier.then_some(name)
        })
    }

    pub(super) fn len(&self) -> usize {
        self.named.len()
    }
}
