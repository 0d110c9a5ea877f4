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
#[cfg(test)]
mod tests;

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
