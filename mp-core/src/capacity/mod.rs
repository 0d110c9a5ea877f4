//! The one pure machine for what is scarce: reserve, then confirm, release, or let lapse.
//!
//! Group seats, flash-sale stock, coupon limits, gift claims and holds are this machine with other
//! names on it. A [`Capacity`] stands in an aggregate's root, a [`Reservation`] in a record of its
//! own, and a [`Holding`] counts what one owner has.
//!
//! ```
//! use std::time::Duration;
//! use mp_core::{Timestamp, capacity::{Capacity, Holding, Request}};
//!
//! let seats = Capacity::of("seats", 2).with_owner_max(1);
//! let (now, mei) = (Timestamp::from_micros(0), "mei".parse()?);
//! let request = Request::one("seats", &mei, now.plus(Duration::from_secs(60)));
//! let taken = seats.reserve(&request, &Holding::default(), now)?;
//! assert_eq!(taken.capacity.free("seats"), 1);
//!
//! let kept = taken.capacity.confirm(&taken.reservation, &taken.holding, now)?;
//! assert_eq!(kept.capacity.free("seats"), 1);
//! assert!(kept.capacity.reserve(&request, &kept.holding, now).is_err(), "one each");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pool;
mod refusal;
mod reservation;

pub use self::{
    pool::{Capacity, QUOTAS_MAX, Quota, Taken},
    refusal::CapacityRefusal,
    reservation::{Holding, Request, Reservation, ReservationState},
};
