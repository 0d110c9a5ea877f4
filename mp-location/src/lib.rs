//! Nearest-place search that is exact everywhere on the globe, embedded in your app.

mod index;
mod kd;
mod point;
mod sphere;

pub use self::{
    index::{INDEX_PENDING_MAX, Near, NearbyIndex},
    point::{InvalidPoint, Point},
};
