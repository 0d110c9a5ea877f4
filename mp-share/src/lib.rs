//! Signed share links with QR codes, and group-buying that never over-fills.
pub mod error;
pub mod group;
pub mod link;
pub mod links;
pub mod offer;
pub mod page;
pub mod qr;
pub mod token;

pub use self::{error::ShareError, links::Links};
