use proptest::prelude::*;

use super::*;
use crate::sign::Secret;

const A: Domain = Domain::new("test/a/v1");
const B: Domain = Domain::new("test/b/v1");

fn id(number: u8) -> KeyId {
    KeyId::new(number).unwrap()
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]).unwrap()).unwrap()
}

fn ring() -> SigningRing {
    SigningRing::new(id(1), key(1))
        .with_key(id(2), key(2))
        .unwrap()
}

#[test]
fn a_third_party_verifies_with_the_public_key_alone() {
    let (key_id, signature) = ring().sign(A, b"message");
    let published = *ring().verifying().public_key(key_id).unwrap().as_bytes();
    let third_party = VerifyingRing::new()
        .with_key(key_id, PublicKey::new(published))
        .unwrap();
    let carried = Signature::from_bytes(signature.as_bytes()).unwrap();
    assert_eq!(third_party.verify(A, key_id, b"message", &carried), Ok(()));
}

#[test]
fn a_signature_of_domain_a_never_verifies_in_domain_b() {
    let (key, signature) = ring().sign(A, b"message");
    let verdict = ring().verifying().verify(B, key, b"message", &signature);
    assert_eq!(verdict, Err(SignError::BadTag));
}

#[test]
fn moving_text_between_domain_and_message_does_not_verify() {
    let (key, signature) = ring().sign(Domain::new("test/a"), b"/v1message");
    let verdict = ring().verifying().verify(A, key, b"message", &signature);
    assert_eq!(verdict, Err(SignError::BadTag));
}

#[test]
fn a_retired_key_no_longer_verifies() {
    let mut ring = ring();
    let (old, signature) = ring.sign(A, b"message");
    ring.activate(id(2)).unwrap();
    assert_eq!((ring.active(), ring.sign(A, b"").0), (id(2), id(2)));
    let mut verifying = ring.verifying();
    assert_eq!(verifying.verify(A, old, b"message", &signature), Ok(()));

    ring.retire(old).unwrap();
    verifying.retire(old).unwrap();
    for ring in [ring.verifying(), verifying] {
        let unknown = Err(SignError::UnknownKey { id: old });
        assert_eq!(ring.verify(A, old, b"message", &signature), unknown);
        assert_eq!(
            ring.verify(A, id(2), b"message", &signature),
            Err(SignError::BadTag)
        );
    }
}

#[test]
fn bytes_that_are_no_key_or_signature_are_refused_without_panic() {
    let (key_id, signature) = ring().sign(A, b"message");
    for bytes in [[0; 32], [0xff; 32]] {
        let ring = VerifyingRing::new()
            .with_key(key_id, PublicKey::new(bytes))
            .unwrap();
        assert_eq!(
            ring.verify(A, key_id, b"message", &signature),
            Err(SignError::BadTag)
        );
    }
    assert_eq!(Signature::from_bytes(&[0; 63]), Err(SignError::BadTag));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_flipped_bit_is_refused(message: [u8; 16], bit in 0..(16 + 64) * 8_usize) {
        let (key, signature) = ring().sign(A, &message);
        let mut bytes = [&message[..], signature.as_bytes()].concat();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (message, signature) = bytes.split_at(16);
        let signature = Signature::from_bytes(signature).unwrap();
        let verdict = ring().verifying().verify(A, key, message, &signature);
        prop_assert_eq!(verdict, Err(SignError::BadTag));
    }
}
