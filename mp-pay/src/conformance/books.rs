//! What the provider's books show.

use mp_core::amount::Money;

use super::{Skip, scene::Scene, stop::Stop, violation::ensure};

/// What a provider had taken of payers and held of them at one moment, as far as it tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Books {
    pub(super) taken: Option<Money>,
    pub(super) held: Option<Money>,
}

impl Scene {
    /// Goes on only if the provider's books can be read.
    pub(super) fn books(&self) -> Result<Money, Skip> {
        self.before.taken.ok_or(Skip::NotProvided("taken"))
    }

    /// Returns how much was taken since the beginning, less what was given back.
    pub(super) async fn taken(&self) -> Result<i64, Skip> {
        let before = self.books()?;
        let now = self.provider.taken(before.currency()).await;
        let now = now.ok_or(Skip::NotProvided("taken"))?;
        Ok(now.minor().saturating_sub(before.minor()))
    }

    /// Demands that the provider's books show this much taken.
    pub(super) async fn ensure_taken(&self, what: &str, minor: i64) -> Result<(), Stop> {
        let taken = self.money(self.taken().await?);
        let promised = self.money(minor);
        Ok(ensure(taken == promised, || {
            format!("{what}: {promised} was to be taken in all, the provider has taken {taken}")
        })?)
    }

    /// Demands that the provider's books show this much held.
    pub(super) async fn ensure_held(&self, what: &str, minor: i64) -> Result<(), Stop> {
        let before = self.before.held.ok_or(Skip::NotProvided("held"))?;
        let now = self.provider.held(before.currency()).await;
        let now = now.ok_or(Skip::NotProvided("held"))?;
        let held = self.money(now.minor().saturating_sub(before.minor()));
        let promised = self.money(minor);
        Ok(ensure(held == promised, || {
            format!("{what}: promised {promised}, the provider holds {held}")
        })?)
    }
}
