//! Signed share links with QR codes, and group-buying that never over-fills.
pub mod error;
pub mod group;
pub mod groups;
pub mod link;
pub mod links;
pub mod member;
pub mod offer;
pub mod offers;
pub mod page;
pub mod qr;
mod seconds;
pub mod token;

pub use self::{
    error::{GroupError, ShareError},
    groups::Groups,
    links::Links,
    offers::Offers,
};
