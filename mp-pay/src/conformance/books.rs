//! What the provider's books show.

use mp_core::amount::Money;

use super::{Skip, contract::Contract, scene::Scene, stop::Stop, violation::ensure};

/// What a provider had moved and held at one moment, as far as it tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Books {
    pub(super) moved: Option<Money>,
    pub(super) held: Option<Money>,
}

impl<C: Contract> Scene<C> {
    /// Goes on only if the provider's books can be read.
    pub(super) fn books(&self) -> Result<Money, Skip> {
        self.before.moved.ok_or(Skip::NotProvided(C::MOVED))
    }

    /// Returns how much was moved since the beginning, less what was moved back.
    pub(super) async fn moved(&self) -> Result<i64, Skip> {
        let before = self.books()?;
        let now = C::moved(&self.provider, before.currency()).await;
        let now = now.ok_or(Skip::NotProvided(C::MOVED))?;
        Ok(now.minor().saturating_sub(before.minor()))
    }

    /// Demands that the provider's books show this much moved.
    pub(super) async fn ensure_moved(&self, what: &str, minor: i64) -> Result<(), Stop> {
        let seen = self.money(self.moved().await?);
        let (promised, moved) = (self.money(minor), C::MOVED);
        Ok(ensure(seen == promised, || {
            format!("{what}: {promised} was to be {moved} in all, the provider has {moved} {seen}")
        })?)
    }

    /// Demands that the provider's books show this much held.
    pub(super) async fn ensure_held(&self, what: &str, minor: i64) -> Result<(), Stop> {
        let before = self.before.held.ok_or(Skip::NotProvided("held"))?;
        let now = C::held(&self.provider, before.currency()).await;
        let now = now.ok_or(Skip::NotProvided("held"))?;
        let held = self.money(now.minor().saturating_sub(before.minor()));
        let promised = self.money(minor);
        Ok(ensure(held == promised, || {
            format!("{what}: promised {promised}, the provider holds {held}")
        })?)
    }
}

impl Scene {
    /// Returns how much was taken since the beginning, less what was given back.
    pub(super) async fn taken(&self) -> Result<i64, Skip> {
        self.moved().await
    }

    /// Demands that the provider's books show this much taken.
    pub(super) async fn ensure_taken(&self, what: &str, minor: i64) -> Result<(), Stop> {
        self.ensure_moved(what, minor).await
    }
}
