use proptest::prelude::*;

use super::*;

const A: Domain = Domain::new("test/a/v1");
const B: Domain = Domain::new("test/b/v1");

fn id(number: u8) -> KeyId {
    KeyId::new(number).unwrap()
}

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32]).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(id(1), &secret(1))
        .with_key(id(2), &secret(2))
        .unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4231 §4.2 to §4.8.
#[test]
fn raw_tags_are_those_of_rfc_4231() {
    let counting: Vec<u8> = (1..=25).collect();
    let larger_key = "Test Using Larger Than Block-Size Key - Hash Key First";
    let larger_data = "This is a test using a larger than block-size key and a larger than \
        block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
    for (secret, message, expected) in [
        (
            &[0x0b; 20][..],
            b"Hi There".as_slice(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &counting,
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0x0c; 20],
            b"Test With Truncation",
            "a3b6167473100ee06e0c796c2955552b",
        ),
        (
            &[0xaa; 131],
            larger_key.as_bytes(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            larger_data.as_bytes(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ] {
        let tag = raw_tag(&key(secret), &[message])
            .truncate(expected.len() / 2)
            .unwrap();
        assert_eq!(hex(tag.as_bytes()), expected);
    }
}

#[test]
fn a_tag_verifies_whole_and_truncated() {
    let (key, tag) = ring().sign(A, b"message");
    assert_eq!(key, id(1));
    for length in 10..=32 {
        let short = tag.truncate(length).unwrap();
        assert_eq!(
            ring().verify(A, key, b"message", &short),
            Ok(()),
            "{length}"
        );
    }
}

#[test]
fn a_tag_of_domain_a_never_verifies_in_domain_b() {
    let (key, tag) = ring().sign(A, b"message");
    assert_eq!(
        ring().verify(B, key, b"message", &tag),
        Err(SignError::BadTag)
    );
}

#[test]
fn moving_text_between_domain_and_message_does_not_verify() {
    let (key, tag) = ring().sign(Domain::new("test/a"), b"/v1message");
    assert_eq!(
        ring().verify(A, key, b"message", &tag),
        Err(SignError::BadTag)
    );
}

#[test]
fn a_retired_key_no_longer_verifies() {
    let mut ring = ring();
    let (old, tag) = ring.sign(A, b"message");
    ring.activate(id(2)).unwrap();
    assert_eq!((ring.active(), ring.sign(A, b"").0), (id(2), id(2)));
    assert_eq!(ring.verify(A, old, b"message", &tag), Ok(()));
    ring.retire(old).unwrap();
    assert_eq!(
        ring.verify(A, old, b"message", &tag),
        Err(SignError::UnknownKey { id: old })
    );
    assert_eq!(
        ring.verify(A, id(2), b"message", &tag),
        Err(SignError::BadTag)
    );
}

#[test]
fn printing_a_ring_shows_no_secret() {
    let printed = format!("{:?}", KeyRing::new(id(1), &secret(0x5a)));
    assert!(
        !printed.contains("90") && !printed.to_lowercase().contains("5a"),
        "{printed}"
    );
}

proptest! {
    #[test]
    fn one_flipped_bit_is_refused(message: [u8; 24], bit in 0..(24 + 16) * 8_usize) {
        let (key, tag) = ring().sign(A, &message);
        let mut bytes = [&message, tag.truncate(16).unwrap().as_bytes()].concat();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (message, tag) = bytes.split_at(24);
        let verdict = ring().verify(A, key, message, &Tag::from_bytes(tag).unwrap());
        prop_assert_eq!(verdict, Err(SignError::BadTag));
    }
}
