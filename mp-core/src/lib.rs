//! Amounts, identifiers and signatures that the mp capabilities share.

pub mod amount;
#[doc(hidden)]
pub mod text;
