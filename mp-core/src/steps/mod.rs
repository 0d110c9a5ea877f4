//! Steps: the one mechanism for what spans partitions.
//!
//! A [`Plan`] is an ordered list of reservations with [`Participant`](crate::port::Participant)s,
//! kept in the partition of the aggregate that wants them, its [`Home`]. Each step has the key
//! `{plan}.{number}`, the same after any crash. Due work drives the plan: it reserves in order;
//! then the home confirms, or a refusal or a deadline makes it release in reverse order. Whatever
//! a participant answered is committed in the home's partition together with what the home does
//! about it. An error that no repetition mends makes it release too, the step that met it included: an
//! earlier call may have reserved. What a participant tells to be held no more releases a plan that still
//! waits to be confirmed.
//!
//! ```text
//!   Reserving ──all reserved──▶ Reserved ──confirm──▶ Confirming ──all confirmed──▶ Confirmed
//!       │                          │                      │
//!       └──refused, late, release──┴──release─────────────┴──refused──▶ Releasing ──▶ Released
//! ```

mod drive;
mod home;
mod payment;
mod plan;
mod request;
mod step;

pub use self::{
    drive::Steps,
    home::{Drive, Home, plan_key, put},
    payment::PaymentParticipant,
    plan::{Next, Plan, STEP_MARGIN, STEPS_MAX, Standing, Verb},
    request::Request,
    step::{Seen, Step, StepState},
};
