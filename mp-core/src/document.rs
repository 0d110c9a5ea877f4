//! The format of stored values: JSON a person can read, each with its kind and format number.
//!
//! A value is the JSON object of its struct with two members in front, `kind` and `format`. The
//! rules that let two adjacent releases share a store:
//!
//! - adding a member raises [`Document::FORMAT`] and gives the member a `#[serde(default)]`;
//! - a value whose format is newer than ours is read, and its unknown members survive a rewrite, at
//!   any depth of objects; items of lists do not keep them, so what may grow is named, not numbered;
//! - a change on which an older release would act wrongly gives the value a form that it cannot read:
//!   it then refuses it as `newer_release`, and leaves it as it is;
//! - an enum that may grow has a `#[serde(other)] Unrecognized` variant, which no state machine
//!   moves on from, and which is written again as it was read, unless it was replaced;
//! - a value with an equality of its own, such as an [amount](crate::amount), never grows.

mod flaws;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use self::flaws::{Flaws, STAMPED};
use crate::{
    error::{Error, ErrorKind},
    retention::{self, Retired},
};

/// How deep objects and lists are nested in a value at most, itself counted in: what reads values back
/// goes no deeper.
pub const DEPTH_MAX: usize = 127;

/// A value that is kept in a store.
///
/// It serialises as an object none of whose own members is named `kind` or `format`: those are the
/// stamp's. So an enum is tagged by another name, as with `#[serde(tag = "type")]`, and no map that is
/// flattened into the value catches all that is not known: it would take in the stamp. A value with such
/// a member is refused when it is written, and so is one that is nested deeper than [`DEPTH_MAX`].
///
/// ```
/// use mp_core::document::{self, Document};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Stall { name: String }
/// impl Document for Stall {
///     const KIND: &'static str = "stall";
///     const FORMAT: u32 = 1;
/// }
///
/// let bytes = document::encode(&Stall { name: "Noodles".into() }, None)?;
/// assert_eq!(&bytes[..], br#"{"kind":"stall","format":1,"name":"Noodles"}"#);
/// # Ok::<(), mp_core::Error>(())
/// ```
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the value is, in a word or two joined by `.`; for a delivery, the kind of work.
    const KIND: &'static str;
    /// The number of its format, from 1.
    const FORMAT: u32;
}

/// What a newer release wrote into a value beyond what this one knows.
///
/// It is kept beside the value so that a rewrite by this release does not lose it.
#[derive(Clone, Debug, PartialEq)]
pub struct Newer {
    format: u32,
    members: Strangers,
}

type Strangers = BTreeMap<String, Stranger>;

/// What is not known of one member.
#[derive(Clone, Debug, PartialEq)]
enum Stranger {
    /// The member itself.
    Whole(Value),
    /// Members inside it.
    Within(Strangers),
    /// The text of a variant that is read as another one.
    Variant { stored: Value, read_as: Value },
}

/// Writes a value, together with what a newer release had put into it.
///
/// # Errors
///
/// `corrupt_record` if the value does not serialise as a JSON object; `member_taken`, which names the
/// member, if one of its own is named as the stamp's; `too_deep`, which names the kind, if it is nested deeper
/// than [`DEPTH_MAX`].
pub fn encode<D: Document>(document: &D, newer: Option<&Newer>) -> Result<Bytes, Error> {
    let mut bytes = Vec::with_capacity(TYPICAL_LENGTH);
    write(document, newer, &mut bytes)?;
    Ok(bytes.into())
}

/// Appends what [`encode`] returns; of a value that it refuses, a part may have been appended.
pub(crate) fn write<D: Document>(
    document: &D,
    newer: Option<&Newer>,
    to: &mut Vec<u8>,
) -> Result<(), Error> {
    let Some(newer) = newer else {
        return write_stamped::<D>(D::FORMAT, document, to);
    };
    let failed = |error| corrupt::<D>().with_source(error);
    let body = serde_json::to_vec(document).map_err(failed)?;
    // What was written a moment ago is whole: if it does not parse, it is too deep.
    let mut members: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| match error.is_syntax() {
            true => too_deep::<D>(),
            false => failed(error),
        })?;
    put_back(&newer.members, &mut members);
    write_stamped::<D>(newer.format, &members, to)
}

/// Reads a value, and what a newer release had put into it.
///
/// # Errors
///
/// `corrupt_record` if the bytes are not a value of this kind, `newer_release` if they are one in a newer
/// format that this release cannot read; `archived` if all that is left is the
/// mark of an aggregate that was [retired](crate::retention).
pub fn decode<D: Document>(bytes: &[u8]) -> Result<(D, Option<Newer>), Error> {
    let broken = |error| corrupt::<D>().with_source(error);
    let stamp: Stamp<'_> = serde_json::from_slice(bytes).map_err(broken)?;
    if stamp.kind != D::KIND {
        return Err(match &*stamp.kind {
            Retired::KIND => retention::archived(),
            _ => corrupt::<D>(),
        });
    }
    if stamp.format <= D::FORMAT {
        return Ok((serde_json::from_slice(bytes).map_err(broken)?, None));
    }
    let document: D = serde_json::from_slice(bytes).map_err(newer_release::<D>)?;
    let mut stored: Map<String, Value> = serde_json::from_slice(bytes).map_err(broken)?;
    stored.retain(|name, _| !STAMPED.contains(&name.as_str()));
    let known: Value = serde_json::to_value(&document).map_err(broken)?;
    let (format, members) = (stamp.format, strangers(stored, &known));
    Ok((document, Some(Newer { format, members })))
}

/// Returns how deep objects and lists are nested in a value, itself counted in: 0 for a text or a number.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Returns what of a stored object is not known, at any depth of objects.
fn strangers(stored: Map<String, Value>, known: &Value) -> Strangers {
    let stranger = |(name, member)| match (member, known.get(&name)) {
        (member, None) => Some((name, Stranger::Whole(member))),
        (stored @ Value::String(_), Some(known @ Value::String(_))) if stored != *known => {
            let read_as = known.clone();
            Some((name, Stranger::Variant { stored, read_as }))
        }
        (Value::Object(inner), Some(known @ Value::Object(_))) => {
            let within = strangers(inner, known);
            (!within.is_empty()).then_some((name, Stranger::Within(within)))
        }
        _ => None,
    };
    stored.into_iter().filter_map(stranger).collect()
}

/// Puts strangers back where they were, unless what they stood in is gone.
fn put_back(strangers: &Strangers, members: &mut Map<String, Value>) {
    for (name, stranger) in strangers {
        match (stranger, members.get_mut(name)) {
            (Stranger::Within(within), Some(Value::Object(inner))) => put_back(within, inner),
            (Stranger::Whole(member), None) => {
                members.insert(name.clone(), member.clone());
            }
            (Stranger::Variant { stored, read_as }, Some(known)) if known == read_as => {
                known.clone_from(stored);
            }
            _ => {}
        }
    }
}

#[derive(Deserialize)]
struct Stamp<'a> {
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    format: u32,
}

/// Writes an object with its kind and format in front of its members.
fn write_stamped<D: Document>(
    format: u32,
    object: &impl Serialize,
    to: &mut Vec<u8>,
) -> Result<(), Error> {
    let failed = |error| corrupt::<D>().with_source(error);
    to.extend_from_slice(br#"{"kind":""#);
    to.extend_from_slice(D::KIND.as_bytes());
    to.extend_from_slice(br#"","format":"#);
    serde_json::to_writer(&mut *to, &format).map_err(failed)?;
    let stamp = to.len();
    let mut flaws = Flaws::default();
    let mut writer = serde_json::Serializer::with_formatter(&mut *to, &mut flaws);
    object.serialize(&mut writer).map_err(failed)?;
    if let Some(name) = flaws.taken {
        return Err(taken::<D>(name));
    }
    if flaws.deepest > DEPTH_MAX {
        return Err(too_deep::<D>());
    }
    match &to[stamp..] {
        b"{}" => {
            to.remove(stamp);
        }
        [b'{', ..] => to[stamp] = b',',
        _ => return Err(corrupt::<D>()),
    }
    Ok(())
}

/// How long most values are at most, so that writing one takes one allocation.
pub(crate) const TYPICAL_LENGTH: usize = 512;

fn taken<D: Document>(name: &'static str) -> Error {
    let message = format!(
        "a value of kind {} has a member {name} of its own, which is the stamp's: rename it",
        D::KIND
    );
    Error::new(ErrorKind::Corrupt, "member_taken", message).with_field(name)
}

fn too_deep<D: Document>() -> Error {
    let message = format!(
        "a value of kind {} is nested deeper than {DEPTH_MAX}",
        D::KIND
    );
    Error::new(ErrorKind::Invalid, "too_deep", message).with_field(D::KIND)
}

fn corrupt<D: Document>() -> Error {
    let message = format!("a stored value of kind {} does not read back", D::KIND);
    Error::new(ErrorKind::Corrupt, "corrupt_record", message)
}

/// It is whole, and nobody has to look at it: work over it is tried again until a process of that release
/// takes it up.
fn newer_release<D: Document>(error: serde_json::Error) -> Error {
    let message = format!(
        "a newer release wrote this value of kind {}, and only it can go on",
        D::KIND
    );
    Error::new(ErrorKind::Unavailable, "newer_release", message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::HandlerError;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Old {
        name: String,
    }

    impl Document for Old {
        const KIND: &'static str = "thing";
        const FORMAT: u32 = 1;
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct New {
        name: String,
        #[serde(default)]
        colour: Option<String>,
    }

    impl Document for New {
        const KIND: &'static str = "thing";
        const FORMAT: u32 = 2;
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Empty {}

    impl Document for Empty {
        const KIND: &'static str = "empty";
        const FORMAT: u32 = 1;
    }

    #[test]
    fn unknown_members_survive_a_rewrite_by_an_older_release() {
        let new = New {
            name: "a".into(),
            colour: Some("red".into()),
        };
        let bytes = encode(&new, None).expect("encodes");
        let (mut old, newer) = decode::<Old>(&bytes).expect("reads");
        old.name = "b".into();
        let bytes = encode(&old, newer.as_ref()).expect("encodes");
        let (read, _) = decode::<New>(&bytes).expect("reads");
        assert_eq!(
            read,
            New {
                name: "b".into(),
                colour: Some("red".into())
            }
        );
        assert!(String::from_utf8_lossy(&bytes).contains(r#""format":2"#));
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Nest {
        inner: BTreeMap<String, Old>,
    }

    impl Document for Nest {
        const KIND: &'static str = "nest";
        const FORMAT: u32 = 1;
    }

    #[test]
    fn unknown_members_survive_inside_objects_that_survive() {
        let bytes = br#"{"kind":"nest","format":2,"inner":{
            "a":{"name":"a","colour":"red"},"b":{"name":"b","colour":"blue"}}}"#;
        let (mut nest, newer) = decode::<Nest>(bytes).expect("reads");
        nest.inner.remove("b");
        let written = encode(&nest, newer.as_ref()).expect("encodes");
        let value: Value = serde_json::from_slice(&written).expect("is JSON");
        assert_eq!(value["inner"]["a"]["colour"], "red");
        assert!(
            value["inner"].get("b").is_none(),
            "what was removed stays removed"
        );
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Phase {
        New,
        #[serde(other)]
        Unrecognized,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Moon {
        phase: Phase,
        note: String,
    }

    impl Document for Moon {
        const KIND: &'static str = "moon";
        const FORMAT: u32 = 1;
    }

    #[test]
    fn a_variant_that_is_not_known_survives_unless_it_is_replaced() {
        let bytes = br#"{"kind":"moon","format":2,"phase":"gibbous","note":"a"}"#;
        let (mut moon, newer) = decode::<Moon>(bytes).expect("reads");
        assert_eq!(moon.phase, Phase::Unrecognized);
        moon.note = "b".into();
        let written = |moon: &Moon| -> Value {
            let bytes = encode(moon, newer.as_ref()).expect("encodes");
            serde_json::from_slice(&bytes).expect("is JSON")
        };
        assert_eq!(written(&moon)["phase"], "gibbous");
        moon.phase = Phase::New;
        assert_eq!(written(&moon)["phase"], "new");
    }

    #[test]
    fn a_newer_release_reads_an_older_value() {
        let bytes = encode(&Old { name: "a".into() }, None).expect("encodes");
        let (read, newer) = decode::<New>(&bytes).expect("reads");
        assert_eq!((read.colour, newer), (None, None));
    }

    #[test]
    fn an_empty_object_is_stamped_too() {
        let bytes = encode(&Empty {}, None).expect("encodes");
        assert_eq!(&bytes[..], br#"{"kind":"empty","format":1}"#);
        assert_eq!(decode::<Empty>(&bytes).expect("reads"), (Empty {}, None));
    }

    #[test]
    fn a_value_with_a_member_named_as_the_stamps_is_refused_when_it_is_written() {
        #[derive(Debug, Deserialize, Serialize)]
        #[serde(tag = "kind")]
        enum Tagged {
            Stall { name: String },
        }
        impl Document for Tagged {
            const KIND: &'static str = "tagged";
            const FORMAT: u32 = 1;
        }
        #[derive(Debug, Deserialize, Serialize)]
        struct Free {
            name: String,
            #[serde(flatten)]
            more: BTreeMap<String, Value>,
        }
        impl Document for Free {
            const KIND: &'static str = "free";
            const FORMAT: u32 = 1;
        }
        let tagged = Tagged::Stall { name: "a".into() };
        let error = encode(&tagged, None).expect_err("is refused");
        assert_eq!(
            (error.code(), error.field()),
            ("member_taken", Some("kind"))
        );
        let free = |name: &str, value: Value| Free {
            name: "kind".into(),
            more: BTreeMap::from([(name.to_owned(), value)]),
        };
        let newer = decode::<Free>(br#"{"kind":"free","format":2,"name":""}"#);
        let (_, newer) = newer.expect("reads");
        for newer in [None, newer.as_ref()] {
            let error = encode(&free("format", 3.into()), newer).expect_err("is refused");
            assert_eq!(error.field(), Some("format"));
        }
        let within = serde_json::json!({"kind": {"format": ["kind", {"kind": 1}]}});
        for (name, value) in [
            ("within", within),
            ("kinds", "kind".into()),
            ("", "format".into()),
        ] {
            let bytes = encode(&free(name, value), None).expect("encodes");
            assert_eq!(decode::<Free>(&bytes).expect("reads").0.name, "kind");
        }
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Free {
        value: Value,
    }

    impl Document for Free {
        const KIND: &'static str = "free";
        const FORMAT: u32 = 1;
    }

    /// Nests this many objects and lists, by turns.
    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::Null, |value, level| match level % 2 {
            0 => Value::Array(vec![value]),
            _ => serde_json::json!({ "in": value }),
        })
    }

    #[test]
    fn what_is_written_is_read_back_however_deep_it_is_nested_or_is_refused() {
        let (_, newer) = decode::<Free>(br#"{"kind":"free","format":2,"value":0,"more":1}"#)
            .expect("reads what a newer release has written");
        assert!(newer.is_some());
        for levels in 0..2 * DEPTH_MAX {
            let value = nested(levels);
            assert_eq!(depth(&value), levels);
            let free = Free { value };
            for newer in [None, newer.as_ref()] {
                match encode(&free, newer) {
                    Ok(bytes) => assert_eq!(decode::<Free>(&bytes).expect("reads").0, free),
                    Err(error) => {
                        assert!(levels + 1 > DEPTH_MAX, "{levels}: {error}");
                        assert_eq!((error.code(), error.field()), ("too_deep", Some("free")));
                    }
                }
            }
        }
    }

    #[test]
    fn a_newer_format_that_does_not_read_is_for_a_newer_release_and_not_corrupt() {
        let newer = br#"{"kind":"thing","format":2,"title":"a"}"#;
        let error = decode::<Old>(newer).expect_err("has no name");
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Unavailable, "newer_release")
        );
        let retried = HandlerError::from(error);
        assert!(matches!(retried, HandlerError::Retry(_)), "{retried:?}");
        let present = br#"{"kind":"thing","format":1,"title":"a"}"#;
        let error = decode::<Old>(present).expect_err("has no name");
        assert_eq!(error.code(), "corrupt_record");
    }

    #[test]
    fn values_of_another_kind_and_broken_bytes_are_corrupt() {
        let other = encode(&Empty {}, None).expect("encodes");
        for bytes in [
            &other[..],
            b"",
            b"{}",
            b"[]",
            b"\xff",
            br#"{"kind":"thing","format":1}"#,
        ] {
            let error = decode::<Old>(bytes).expect_err("corrupt");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
}
