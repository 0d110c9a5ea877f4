use serde::{Deserialize, Serialize};

use super::*;

#[derive(Deserialize, Serialize)]
struct Note(BTreeMap<String, String>);

impl Document for Note {
    const KIND: &'static str = "note";
    const FORMAT: u32 = 1;
}

fn edits(make: impl Fn(&mut Edits)) -> Edits {
    let mut edits = Edits::new();
    make(&mut edits);
    edits
}

fn note(length: usize) -> Note {
    Note(BTreeMap::from([("text".to_owned(), "x".repeat(length))]))
}

/// Sends what was edited, and returns how many bytes the values of all records must have then.
fn send(family: &mut Family, stored: &mut BTreeMap<Key, usize>) -> usize {
    let batch = family.send(CommitId::random(), Timestamp::MIN);
    for write in batch.expect("encodes").writes {
        match write.value() {
            Some(value) => stored.insert(write.key().clone(), value.len()),
            None => stored.remove(write.key()),
        };
    }
    stored.values().sum()
}

#[test]
fn the_bytes_of_a_family_are_those_of_its_values() {
    let partition = Partition::parse("test/note/1").expect("an id");
    let (mut family, mut stored) = (Family::absent(partition), BTreeMap::new());
    family.apply(edits(|edits| {
        edits.put_root(note(10));
        edits.put("a", note(1_000));
        edits.put("b", note(2_000));
    }));
    let expected = send(&mut family, &mut stored);
    assert_eq!((family.bytes(), expected > 3_000), (expected, true));
    // While that is on its way, new records are encoded as they are put, and others are not.
    family.apply(edits(|edits| {
        edits.put("a", note(1));
        edits.put("c", note(4_000));
        edits.put("d", note(4_000));
        edits.delete("b");
    }));
    family.apply(edits(|edits| {
        edits.put("d", note(10));
        edits.put("e", note(7));
    }));
    family.apply(edits(|edits| edits.delete("e")));
    family.committed(Version(1));
    let expected = send(&mut family, &mut stored);
    assert_eq!((family.bytes(), stored.len()), (expected, 4));
    family.committed(Version(2));
    family.apply(edits(|edits| {
        for key in ["a", "c", "d"] {
            edits.delete(key);
        }
    }));
    assert_eq!(send(&mut family, &mut stored), family.bytes());
}
