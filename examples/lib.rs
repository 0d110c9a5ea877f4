//! What the programs in this package share.

pub mod orders;
