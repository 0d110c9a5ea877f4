use std::fmt;

use super::View;

/// A partition as it was read, and the hold on it.
#[derive(Debug)]
pub struct Held {
    /// What was read, of one moment.
    pub view: View,
    /// What keeps others waiting who would hold it as well.
    pub hold: Box<dyn Hold>,
}

/// A turn at a partition: until it is dropped, or the store takes it away, others wait who would
/// [hold](super::Store::hold) it as well.
///
/// It is an advisory lock. Nobody is kept from reading or committing by it, and nothing rests on it: a
/// store may end it at any time.
///
/// # Contract
/// 16. *Held.* A hold shows what a read shows. Nobody is kept from committing by it, and once it was
///     dropped others hold as before.
pub trait Hold: fmt::Debug + Send {}
