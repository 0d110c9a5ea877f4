//! Nearest-place search that is exact everywhere on the globe, embedded in your app.

mod point;
mod sphere;

pub use self::point::{InvalidPoint, Point};
