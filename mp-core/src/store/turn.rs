use std::fmt;

use super::View;

/// A turn that was taken, and the partition as it was read then.
#[derive(Debug)]
pub struct InTurn {
    /// What was read, of one moment.
    pub view: View,
    /// What keeps others waiting who would have a turn as well.
    pub turn: Box<dyn Turn>,
}

/// A turn at a partition: until it is dropped, or the store takes it away, others wait who would
/// [take one](super::Store::take_turn) there as well.
///
/// It is an advisory lock. Nobody is kept from reading or committing by it, and nothing rests on it: a
/// store may end it at any time.
///
/// # Contract
/// 16. *In turn.* A turn shows what a read shows. Nobody is kept from committing by it, and once it was
///     dropped others take theirs as before.
pub trait Turn: fmt::Debug + Send {}
