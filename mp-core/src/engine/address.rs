use std::{
    hash::{BuildHasher, Hash, Hasher, RandomState},
    ops::Deref,
};

use crate::store::Partition;

/// A partition with the hash that its mailbox is found by.
///
/// It is looked for several times on a command's way, and the hash of its id takes longer than all the
/// rest of the looking: so it is taken once.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    hash: u64,
    partition: Partition,
}

impl Address {
    /// Takes the hash with keys of chance, as those who choose ids must not choose hashes.
    pub(super) fn of(partition: &Partition, keys: &RandomState) -> Self {
        Self {
            hash: keys.hash_one(partition.id()),
            partition: partition.clone(),
        }
    }
}

impl Deref for Address {
    type Target = Partition;

    fn deref(&self) -> &Partition {
        &self.partition
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes an address's hash as it is.
#[derive(Default)]
pub(super) struct TakenHash(u64);

impl Hasher for TakenHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
