//! Keys by their id, and which of them signs.

use std::fmt;

use crate::sign::{KEYS_MAX, KeyId, SignError};

/// Up to [`KEYS_MAX`] keys by id. Printing names the ids, never the keys.
#[derive(Clone)]
pub(super) struct KeySet<K>([Option<K>; KEYS_MAX]);

impl<K> KeySet<K> {
    pub(super) fn get(&self, id: KeyId) -> Result<&K, SignError> {
        self.slot(id).as_ref().ok_or(SignError::UnknownKey { id })
    }

    pub(super) fn insert(&mut self, id: KeyId, key: K) -> Result<(), SignError> {
        let slot = self.slot_mut(id);
        if slot.is_some() {
            return Err(SignError::KeyExists { id });
        }
        *slot = Some(key);
        Ok(())
    }

    pub(super) fn remove(&mut self, id: KeyId) -> Result<K, SignError> {
        self.slot_mut(id).take().ok_or(SignError::UnknownKey { id })
    }

    pub(super) fn map<L>(&self, convert: impl Fn(&K) -> L) -> KeySet<L> {
        KeySet(self.0.each_ref().map(|slot| slot.as_ref().map(&convert)))
    }

    // A `KeyId` is below `KEYS_MAX` by construction, so neither index is out of bounds.
    fn slot(&self, id: KeyId) -> &Option<K> {
        &self.0[usize::from(id.number())]
    }

    fn slot_mut(&mut self, id: KeyId) -> &mut Option<K> {
        &mut self.0[usize::from(id.number())]
    }
}

impl<K> Default for KeySet<K> {
    fn default() -> Self {
        Self([const { None }; KEYS_MAX])
    }
}

impl<K> fmt::Debug for KeySet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.iter().enumerate().filter(|(_, slot)| slot.is_some());
        f.debug_map()
            .entries(held.map(|(number, _)| (number, format_args!("***"))))
            .finish()
    }
}

/// A set of keys of which exactly one signs. It stands beside the others, so that there is
/// always one and no look-up for it can fail.
#[derive(Clone)]
pub(super) struct Rotation<K> {
    active_id: KeyId,
    active: K,
    others: KeySet<K>,
}

impl<K> Rotation<K> {
    pub(super) fn new(id: KeyId, key: K) -> Self {
        Self {
            active_id: id,
            active: key,
            others: KeySet::default(),
        }
    }

    pub(super) fn active(&self) -> (KeyId, &K) {
        (self.active_id, &self.active)
    }

    pub(super) fn get(&self, id: KeyId) -> Result<&K, SignError> {
        if id == self.active_id {
            Ok(&self.active)
        } else {
            self.others.get(id)
        }
    }

    pub(super) fn insert(&mut self, id: KeyId, key: K) -> Result<(), SignError> {
        if id == self.active_id {
            return Err(SignError::KeyExists { id });
        }
        self.others.insert(id, key)
    }

    pub(super) fn activate(&mut self, id: KeyId) -> Result<(), SignError> {
        if id == self.active_id {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.active, self.others.remove(id)?);
        let before_id = std::mem::replace(&mut self.active_id, id);
        self.others.insert(before_id, before)
    }

    pub(super) fn retire(&mut self, id: KeyId) -> Result<(), SignError> {
        if id == self.active_id {
            return Err(SignError::KeyActive { id });
        }
        self.others.remove(id).map(drop)
    }

    pub(super) fn map<L>(&self, convert: impl Fn(&K) -> L) -> KeySet<L> {
        let mut all = self.others.map(&convert);
        *all.slot_mut(self.active_id) = Some(convert(&self.active));
        all
    }
}

impl<K> fmt::Debug for Rotation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("active", &self.active_id)
            .field("others", &self.others)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> KeyId {
        KeyId::new(number).unwrap()
    }

    fn rotation() -> Rotation<&'static str> {
        let mut rotation = Rotation::new(id(1), "one");
        rotation.insert(id(2), "two").unwrap();
        rotation
    }

    #[test]
    fn activating_moves_signing_and_keeps_both_keys() {
        let mut rotation = rotation();
        rotation.activate(id(2)).unwrap();
        assert_eq!(rotation.active(), (id(2), &"two"));
        assert_eq!(
            (rotation.get(id(1)), rotation.get(id(2))),
            (Ok(&"one"), Ok(&"two"))
        );
        rotation.activate(id(2)).unwrap();
        assert_eq!(rotation.active(), (id(2), &"two"));
    }

    #[test]
    fn a_refused_step_changes_nothing() {
        let mut rotation = rotation();
        let unknown = SignError::UnknownKey { id: id(3) };
        assert_eq!(rotation.activate(id(3)), Err(unknown));
        assert_eq!(rotation.retire(id(3)), Err(unknown));
        assert_eq!(
            rotation.retire(id(1)),
            Err(SignError::KeyActive { id: id(1) })
        );
        assert_eq!(
            rotation.insert(id(1), "x"),
            Err(SignError::KeyExists { id: id(1) })
        );
        assert_eq!(
            rotation.insert(id(2), "x"),
            Err(SignError::KeyExists { id: id(2) })
        );
        assert_eq!(rotation.active(), (id(1), &"one"));
        assert_eq!(rotation.get(id(2)), Ok(&"two"));
    }

    #[test]
    fn a_retired_id_is_free_again() {
        let mut rotation = rotation();
        rotation.retire(id(2)).unwrap();
        assert_eq!(
            rotation.get(id(2)),
            Err(SignError::UnknownKey { id: id(2) })
        );
        rotation.insert(id(2), "new").unwrap();
        assert_eq!(rotation.get(id(2)), Ok(&"new"));
    }

    #[test]
    fn a_ring_holds_as_many_keys_as_there_are_ids() {
        let mut rotation = Rotation::new(id(15), 15);
        for number in 0..15 {
            rotation.insert(id(number), number).unwrap();
        }
        let all = rotation.map(|&number| number);
        assert!((0..16).all(|number| all.get(id(number)) == Ok(&number)));
        assert_eq!(KeyId::new(16), Err(SignError::KeyIdRange));
    }

    #[test]
    fn printing_shows_no_key() {
        assert_eq!(
            format!("{:?}", rotation()),
            "Rotation { active: KeyId(1), others: {2: ***} }"
        );
    }
}
