//! What the types of [`id_type!`](crate::id_type) share; public only because the macro expands in
//! other crates.

use ring::digest::{Context, SHA256};
use thiserror::Error;
use ulid::{ULID_LEN, Ulid};

use crate::text::Short;

/// The longest prefix of an id type, in letters.
pub const ID_PREFIX_LENGTH_MAX: usize = 8;

/// Says that a text is not the canonical form of an id of the expected type.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected `{prefix}_` and 26 capitals or digits of Crockford's base32")]
pub struct ParseIdError {
    prefix: &'static str,
}

/// Tells whether an id type may have the prefix.
pub const fn is_prefix(prefix: &str) -> bool {
    let letters = prefix.as_bytes();
    let mut index = 0;
    while index < letters.len() {
        if !letters[index].is_ascii_lowercase() {
            return false;
        }
        index += 1;
    }
    !letters.is_empty() && letters.len() <= ID_PREFIX_LENGTH_MAX
}

/// Returns the bits of a ULID.
pub const fn at(millis: u64, random: [u8; 10]) -> u128 {
    let millis = if millis > MILLIS_MAX {
        MILLIS_MAX
    } else {
        millis
    };
    let mut bits = millis as u128;
    let mut index = 0;
    while index < random.len() {
        bits = bits << 8 | random[index] as u128;
        index += 1;
    }
    bits
}

/// Returns the first 16 bytes of SHA-256 over the domain, the prefix, and the parts.
///
/// Each stands behind its length in bytes as 64 bits big-endian, and so does the number of parts,
/// which makes the encoding injective.
pub fn derived(prefix: &str, parts: &[&str]) -> u128 {
    let mut context = Context::new(&SHA256);
    update(&mut context, DERIVATION);
    update(&mut context, prefix);
    context.update(&(parts.len() as u64).to_be_bytes());
    for part in parts {
        update(&mut context, part);
    }
    let digest = context.finish();
    digest
        .as_ref()
        .iter()
        .take(16)
        .fold(0, |bits, &byte| bits << 8 | u128::from(byte))
}

fn update(context: &mut Context, part: &str) {
    context.update(&(part.len() as u64).to_be_bytes());
    context.update(part.as_bytes());
}

/// Parses the canonical text form.
///
/// # Errors
///
/// [`ParseIdError`] for any other text, also for one that decoders of base32 often fold into the
/// canonical one: small letters, `O` for `0`, more than 128 bits.
pub fn parse(prefix: &'static str, text: &str) -> Result<u128, ParseIdError> {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(decode)
        .ok_or(ParseIdError { prefix })
}

/// The decoder is lenient, so what it read is encoded again and must be what stood there.
fn decode(encoded: &str) -> Option<u128> {
    let ulid = Ulid::from_string(encoded).ok()?;
    (ulid.array_to_str(&mut [0; ULID_LEN]) == encoded).then_some(ulid.0)
}

/// As many bytes as the longest text form has, and more: the next multiple of 16.
pub const TEXT_ROOM: usize = (ID_PREFIX_LENGTH_MAX + 1 + ULID_LEN).next_multiple_of(16);

/// Returns the text form of an id, whose prefix is at most as long as [`is_prefix`] lets it be.
pub fn text(prefix: &str, bits: u128) -> Short<TEXT_ROOM> {
    let mut text = Short::new();
    text.push(prefix);
    text.push("_");
    text.push(Ulid(bits).array_to_str(&mut [0; ULID_LEN]));
    text
}

const MILLIS_MAX: u64 = (1 << Ulid::TIME_BITS) - 1;
const DERIVATION: &str = "mp-core/id/v1";
