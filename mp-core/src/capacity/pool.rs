use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CapacityRefusal, Holding, Request, Reservation, ReservationState};
use crate::clock::Timestamp;

/// The most quotas in one capacity.
pub const QUOTAS_MAX: usize = 32;

/// One countable thing.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// How much there is.
    pub size: u32,
    /// How much of it is held for a time.
    pub reserved: u32,
    /// How much of it is given out for good.
    pub confirmed: u32,
}

impl Quota {
    /// Returns how much is neither held nor given out.
    #[must_use]
    pub const fn free(&self) -> u32 {
        self.size
            .saturating_sub(self.reserved)
            .saturating_sub(self.confirmed)
    }
}

/// What there is of a scarce thing: several quotas that are taken together, and a limit per owner.
///
/// Reservations that have lapsed count as held until [`lapse`](Self::lapse) has given them back;
/// whoever is refused for want of room lapses them first and asks again, so room that time has
/// freed is never refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Capacity {
    quotas: BTreeMap<String, Quota>,
    owner_max: Option<u32>,
}

/// What a change of capacity comes to; the three are committed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The capacity afterwards.
    pub capacity: Capacity,
    /// What the owner has afterwards.
    pub holding: Holding,
    /// The reservation afterwards.
    pub reservation: Reservation,
}

impl Capacity {
    /// Creates a capacity of one quota.
    #[must_use]
    pub fn of(quota: &str, size: u32) -> Self {
        Self::default().with_quota(quota, size)
    }

    /// Adds a quota; beyond [`QUOTAS_MAX`] it is left out, and requests for it are refused.
    #[must_use]
    pub fn with_quota(mut self, quota: &str, size: u32) -> Self {
        if self.quotas.len() < QUOTAS_MAX {
            self.quotas.insert(
                quota.to_owned(),
                Quota {
                    size,
                    ..Quota::default()
                },
            );
        }
        self
    }

    /// Limits what one owner may have at a time, in units of any quota.
    #[must_use]
    pub const fn with_owner_max(mut self, max: u32) -> Self {
        self.owner_max = Some(max);
        self
    }

    /// Returns a quota's counts.
    #[must_use]
    pub fn quota(&self, quota: &str) -> Option<&Quota> {
        self.quotas.get(quota)
    }

    /// Returns how much of a quota is free; none of one that does not exist.
    #[must_use]
    pub fn free(&self, quota: &str) -> u32 {
        self.quotas.get(quota).map_or(0, Quota::free)
    }

    /// Holds what is asked for until the request's time limit.
    ///
    /// # Errors
    ///
    /// `SoldOut`, `OwnerLimit`, `NoSuchQuota`, `Empty`.
    pub fn reserve(
        &self,
        request: &Request,
        holding: &Holding,
        now: Timestamp,
    ) -> Result<Taken, CapacityRefusal> {
        let reservation = Reservation {
            owner: request.owner.clone(),
            takes: request.takes.clone(),
            until: request.until,
            state: ReservationState::Reserved,
        };
        let quantity = reservation.quantity();
        if quantity == 0 || request.until <= now {
            return Err(CapacityRefusal::Empty);
        }
        let holding = self.hold(holding, quantity)?;
        let mut capacity = self.clone();
        for (name, takes) in &request.takes {
            let quota = capacity.known(name)?;
            if quota.free() < *takes {
                return Err(CapacityRefusal::SoldOut {
                    quota: name.clone(),
                    free: quota.free(),
                });
            }
            quota.reserved += takes;
        }
        Ok(Taken {
            capacity,
            holding,
            reservation,
        })
    }

    /// Keeps a reservation for good; keeping it twice changes nothing.
    ///
    /// # Errors
    ///
    /// `Lapsed` once its time limit has passed, `Released`, `Unrecognized`.
    pub fn confirm(
        &self,
        reservation: &Reservation,
        holding: &Holding,
        now: Timestamp,
    ) -> Result<Taken, CapacityRefusal> {
        match reservation.state {
            ReservationState::Confirmed => Ok(self.unchanged(reservation, holding)),
            ReservationState::Reserved if reservation.has_lapsed(now) => {
                Err(CapacityRefusal::Lapsed)
            }
            ReservationState::Reserved => {
                let capacity = self.moved(reservation, |quota, takes| {
                    quota.reserved = quota.reserved.saturating_sub(takes);
                    quota.confirmed = quota.confirmed.saturating_add(takes);
                })?;
                let reservation = with_state(reservation, ReservationState::Confirmed);
                Ok(Taken {
                    capacity,
                    holding: *holding,
                    reservation,
                })
            }
            ReservationState::Released => Err(CapacityRefusal::Released),
            ReservationState::Lapsed => Err(CapacityRefusal::Lapsed),
            ReservationState::Unrecognized => Err(CapacityRefusal::Unrecognized),
        }
    }

    /// Gives a reservation back, kept or not; giving it back twice changes nothing.
    ///
    /// # Errors
    ///
    /// `Unrecognized`.
    pub fn release(
        &self,
        reservation: &Reservation,
        holding: &Holding,
    ) -> Result<Taken, CapacityRefusal> {
        self.give_back(reservation, holding, ReservationState::Released)
    }

    /// Gives a reservation back if its time limit has passed; else nothing changes.
    ///
    /// # Errors
    ///
    /// `Unrecognized`.
    pub fn lapse(
        &self,
        reservation: &Reservation,
        holding: &Holding,
        now: Timestamp,
    ) -> Result<Taken, CapacityRefusal> {
        if reservation.has_lapsed(now) {
            self.give_back(reservation, holding, ReservationState::Lapsed)
        } else {
            Ok(self.unchanged(reservation, holding))
        }
    }

    fn give_back(
        &self,
        reservation: &Reservation,
        holding: &Holding,
        state: ReservationState,
    ) -> Result<Taken, CapacityRefusal> {
        let was_confirmed = match reservation.state {
            ReservationState::Reserved => false,
            ReservationState::Confirmed => true,
            ReservationState::Released | ReservationState::Lapsed => {
                return Ok(self.unchanged(reservation, holding));
            }
            ReservationState::Unrecognized => return Err(CapacityRefusal::Unrecognized),
        };
        let capacity = self.moved(reservation, |quota, takes| {
            let counter = if was_confirmed {
                &mut quota.confirmed
            } else {
                &mut quota.reserved
            };
            *counter = counter.saturating_sub(takes);
        })?;
        let quantity = holding.quantity.saturating_sub(reservation.quantity());
        let reservation = with_state(reservation, state);
        Ok(Taken {
            capacity,
            holding: Holding { quantity },
            reservation,
        })
    }

    fn hold(&self, holding: &Holding, more: u32) -> Result<Holding, CapacityRefusal> {
        let quantity = holding.quantity.saturating_add(more);
        match self.owner_max {
            Some(max) if quantity > max => Err(CapacityRefusal::OwnerLimit { max }),
            _ => Ok(Holding { quantity }),
        }
    }

    fn known(&mut self, name: &str) -> Result<&mut Quota, CapacityRefusal> {
        let missing = || CapacityRefusal::NoSuchQuota(name.to_owned());
        self.quotas.get_mut(name).ok_or_else(missing)
    }

    fn moved(
        &self,
        reservation: &Reservation,
        mut change: impl FnMut(&mut Quota, u32),
    ) -> Result<Self, CapacityRefusal> {
        let mut capacity = self.clone();
        for (name, takes) in &reservation.takes {
            change(capacity.known(name)?, *takes);
        }
        Ok(capacity)
    }

    fn unchanged(&self, reservation: &Reservation, holding: &Holding) -> Taken {
        Taken {
            capacity: self.clone(),
            holding: *holding,
            reservation: reservation.clone(),
        }
    }
}

fn with_state(reservation: &Reservation, state: ReservationState) -> Reservation {
    Reservation {
        state,
        ..reservation.clone()
    }
}

#[cfg(test)]
mod tests;
