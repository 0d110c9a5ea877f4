//! Addresses that come from outside: which a payer may be sent to, and which a server may call.
//!
//! [`HttpsUrl`] is decided by its text alone, and says nothing about where its name leads to. A
//! server that calls an address which somebody else has chosen, such as a webhook's, asks
//! [`is_public`] about what the name was resolved to, and connects to exactly that.

mod https_url;
mod public;

pub use self::{
    https_url::{HttpsUrl, ParseHttpsUrlError, URL_LENGTH_MAX},
    public::is_public,
};
