//! Names of things: typed, checked, and cheap to pass around.
//!
//! What the suite creates gets an id of its own type, declared in one line with
//! [`id_type!`](crate::id_type): a prefix and a [ULID](https://github.com/ulid/spec), 128 bits
//! that copy. What comes from outside is a checked short text: [`AppId`], [`UserId`], [`Name`],
//! [`IdempotencyKey`].
//!
//! ```
//! use mp_core::id::{AppId, UserId};
//!
//! mp_core::id_type!(
//!     /// Names an order.
//!     pub OrderId, "ord"
//! );
//!
//! // A fresh id sorts by time; the host's clock and entropy supply both parts.
//! let order = OrderId::at(1_700_000_000_000, [7; 10]);
//! assert_eq!(order.to_string(), "ord_01HF7YAT000W3GE1R70W3GE1R7");
//! assert_eq!("ord_01HF7YAT000W3GE1R70W3GE1R7".parse(), Ok(order));
//!
//! // A derived id is the same whenever the same thing is asked for.
//! let (app, user) = (AppId::new("shop")?, UserId::new("ada")?);
//! let first = OrderId::derived(&[app.as_str(), user.as_str(), "create", "key-1"]);
//! let again = OrderId::derived(&[app.as_str(), user.as_str(), "create", "key-1"]);
//! assert_eq!(first, again);
//! # Ok::<(), mp_core::id::ParseNameError>(())
//! ```
//!
//! Nothing here reads a clock or a source of randomness.

mod name;
mod prefixed;
#[doc(hidden)]
pub mod raw;

pub use name::{AppId, IdempotencyKey, Name, ParseNameError, UserId};
pub use raw::{ID_PREFIX_LENGTH_MAX, ParseIdError};
