use std::{fmt, sync::Arc};

use crate::{Error, id::AppId};

/// How many slots partitions are spread over; fixed when a store is created.
pub const SLOTS: u16 = 256;

/// The longest partition id, in bytes.
pub const PARTITION_LENGTH_MAX: usize = 255;

/// Names one aggregate's family of records, `{app}/{kind}/{id}`: the unit of atomicity.
///
/// The slot, a stable hash of the id, is the unit of distribution.
///
/// ```
/// use mp_core::{id::AppId, store::Partition};
///
/// let partition = Partition::new(&AppId::new("market")?, "group", "gb_01")?;
/// assert_eq!(partition.id(), "market/group/gb_01");
/// assert_eq!(partition.slot(), Partition::parse("market/group/gb_01")?.slot());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    id: Arc<str>,
    slot: u16,
}

impl Partition {
    /// Names the partition of `kind` and `id` in `app`.
    ///
    /// # Errors
    ///
    /// `invalid_field` if `id` is empty, too long, or has a character outside
    /// `A-Z a-z 0-9 . _ : @ + - /`.
    pub fn new(app: &AppId, kind: &str, id: &str) -> Result<Self, Error> {
        Self::parse(&[app.as_str(), "/", kind, "/", id].concat())
    }

    /// Reads a partition id back, as a store has kept it.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is not three or more non-empty segments of allowed characters.
    pub fn parse(id: &str) -> Result<Self, Error> {
        if id.len() > PARTITION_LENGTH_MAX {
            return Err(Error::invalid("partition", "is longer than 255 bytes"));
        }
        // Without a way out in between, several bytes are looked at in one step.
        if !id
            .bytes()
            .fold(true, |so_far, byte| so_far & is_allowed(byte))
        {
            return Err(Error::invalid(
                "partition",
                "has a character that is not allowed",
            ));
        }
        let slashes = id.bytes().filter(|byte| *byte == b'/').count();
        if slashes < 2 || id.starts_with('/') || id.ends_with('/') || id.contains("//") {
            return Err(Error::invalid(
                "partition",
                "is not of the form app/kind/id",
            ));
        }
        Ok(Self {
            id: id.into(),
            slot: slot_of(id.as_bytes()),
        })
    }

    /// Returns the whole id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the slot, below [`SLOTS`].
    #[must_use]
    pub const fn slot(&self) -> u16 {
        self.slot
    }

    /// Returns the first segment: the app that the aggregate belongs to.
    #[must_use]
    pub fn app(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// Returns the second segment: the kind of the aggregate.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.id.split('/').nth(1).unwrap_or_default()
    }

    /// Returns what follows the kind.
    #[must_use]
    pub fn local_id(&self) -> &str {
        self.id.splitn(3, '/').nth(2).unwrap_or_default()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({})", self.id)
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'.' | b'_' | b':' | b'@' | b'+' | b'-' | b'/')
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923), whose weak high bits are then mixed by the
/// finaliser of MurmurHash3 (Appleby). The result is part of every stored key: it never changes.
fn slot_of(bytes: &[u8]) -> u16 {
    let hash = fnv1a(bytes);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    u16::try_from(hash >> 56).unwrap_or_default() % SLOTS
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A set of slots: what one worker asks a store for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSet([u64; 4]);

impl SlotSet {
    /// Every slot.
    pub const ALL: Self = Self([u64::MAX; 4]);
    /// No slot.
    pub const NONE: Self = Self([0; 4]);

    /// Returns the part with this number, from 0, when all slots are divided into so many parts.
    ///
    /// ```
    /// use mp_core::store::SlotSet;
    ///
    /// let ours = SlotSet::share(1, 4);
    /// assert_eq!(ours.iter().count(), 64);
    /// assert_eq!(ours.iter().filter(|slot| SlotSet::share(2, 4).contains(*slot)).count(), 0);
    /// ```
    #[must_use]
    pub fn share(part: u16, parts: u16) -> Self {
        let own = (0..SLOTS).filter(|slot| slot % parts.max(1) == part);
        own.fold(Self::NONE, Self::with)
    }

    /// Returns the set with `slot` added; numbers from [`SLOTS`] on are ignored.
    #[must_use]
    pub const fn with(mut self, slot: u16) -> Self {
        if slot < SLOTS {
            self.0[(slot / 64) as usize] |= 1 << (slot % 64);
        }
        self
    }

    /// Returns whether `slot` is in the set.
    #[must_use]
    pub const fn contains(&self, slot: u16) -> bool {
        slot < SLOTS && self.0[(slot / 64) as usize] & (1 << (slot % 64)) != 0
    }

    /// Returns the slots in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..SLOTS).filter(|slot| self.contains(*slot))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hash_is_fnv1a_by_its_published_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn slots_never_change() {
        let slot = |id: &str| Partition::parse(id).expect(id).slot();
        assert_eq!([slot("market/group/gb_01"), slot("a/b/c")], [104, 50]);
    }

    #[test]
    fn partitions_spread_over_every_slot() {
        let mut seen = SlotSet::NONE;
        for n in 0..5_000 {
            seen = seen.with(slot_of(format!("app/line/{n}").as_bytes()));
        }
        assert_eq!(seen, SlotSet::ALL);
    }

    #[test]
    fn every_slot_is_in_one_share() {
        for parts in [1, 3, 4, 7, SLOTS] {
            for slot in 0..SLOTS {
                let owners = (0..parts).filter(|part| SlotSet::share(*part, parts).contains(slot));
                assert_eq!(owners.count(), 1, "{slot} of {parts}");
            }
        }
        assert_eq!(SlotSet::share(0, 0), SlotSet::ALL);
        assert_eq!(SlotSet::share(4, 4), SlotSet::NONE);
    }

    proptest! {
        #[test]
        fn an_id_is_made_of_what_is_allowed(id in "\\PC{0,3}[ -~]{0,40}[A-Za-z0-9._:@+-]{0,9}") {
            let allowed = |char: char| char.is_ascii_alphanumeric() || "._:@+-/".contains(char);
            let parsed = Partition::parse(&format!("a/b/{id}c"));
            let whole = !id.contains("//") && !id.starts_with('/');
            prop_assert_eq!(parsed.is_ok(), whole && id.chars().all(allowed));
        }

        #[test]
        fn an_id_has_three_or_more_segments_none_of_them_empty(id in "[a/]{0,12}") {
            let segments: Vec<&str> = id.split('/').collect();
            let well_formed = segments.len() >= 3 && segments.iter().all(|one| !one.is_empty());
            prop_assert_eq!(Partition::parse(&id).is_ok(), well_formed);
        }
    }

    #[test]
    fn malformed_ids_are_refused_by_name() {
        for id in [
            "",
            "a",
            "a/b",
            "a//c",
            "a/b/",
            "a/b/ü",
            "a/b/c d",
            "a/b/~t",
            &"a/b/c".repeat(60),
        ] {
            let error = Partition::parse(id).expect_err(id);
            assert_eq!(error.field(), Some("partition"), "{id}");
        }
    }
}
