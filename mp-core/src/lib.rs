//! Amounts, identifiers and signatures that the mp capabilities share.

pub mod amount;
pub mod id;
pub mod sign;
#[doc(hidden)]
pub mod text;
