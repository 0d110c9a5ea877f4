//! Work in progress.
pub mod clock;
pub mod entropy;
pub mod error;
pub mod id;
pub mod store;
pub use error::Error;
