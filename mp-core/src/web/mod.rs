//! Addresses that come from outside: which a payer may be sent to.
//!
//! [`HttpsUrl`] is decided by its text alone, and says nothing about where its name leads to. Nothing
//! here calls an address: whoever does that with one which somebody else has chosen, such as a
//! webhook's, resolves the name once, refuses what is not of the public internet, and connects to
//! exactly what it has checked.

mod https_url;

pub use self::https_url::{HttpsUrl, ParseHttpsUrlError, URL_LENGTH_MAX};
