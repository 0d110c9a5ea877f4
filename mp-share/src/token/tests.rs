use mp_core::sign::Secret;
use proptest::prelude::*;

use super::*;
use crate::{
    group::GroupId,
    link::{Campaign, SharerNumber, Subject},
    offer::OfferId,
};

fn key_id(number: u8) -> KeyId {
    KeyId::new(number).expect("below 16")
}

fn ring(number: u8, secret: u8) -> KeyRing {
    KeyRing::new(
        key_id(number),
        &Secret::new([secret; 32]).expect("32 bytes"),
    )
}

fn app(text: &str) -> AppId {
    text.parse().expect("an app id")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn link() -> ShareLink {
    ShareLink {
        subject: Subject::Group(GroupId::from_bytes([0x11; 16])),
        campaign: Campaign::new(0x01_0203).expect("in range"),
        sharer: std::num::NonZeroU32::new(0xdead_beef).map(SharerNumber),
        expires_at: at(2_000_000_000),
    }
}

fn signed() -> Token {
    Token::sign(&ring(5, 7), &app("market"), &link())
}

fn verify(token: Token) -> Result<ShareLink, ShareError> {
    token.verify(&ring(5, 7), &app("market"), at(1_900_000_000))
}

/// Computed with Python's `hmac`, `hashlib` and `base64`:
/// `hmac.new(b"\x07" * 32, pack(">Q", 16) + b"mp-share/link/v1" + head + b"market", sha256)`.
#[test]
fn a_token_is_the_bytes_that_other_software_computes() {
    assert_eq!(signed().base32(), VECTOR_BASE32);
    assert_eq!(signed().base64url(), VECTOR_BASE64URL);
}

const VECTOR_BASE32: &str =
    "CV3TLFAAAEIRCEIRCEIRCEIRCEIRCEIRCEIQCAQD32W353YA4CA45EX7JR4LGSSTQDSY62WI";
const VECTOR_BASE64URL: &str = "FXc1lAABEREREREREREREREREREREQECA96tvu8A4IHOkv9MeLNKU4Dlj2rI";

#[test]
fn both_texts_read_back_to_the_same_token() {
    let token = signed();
    for text in [token.base32(), token.base64url()] {
        let read = Token::parse(&text).expect("well-formed");
        assert_eq!(read, token);
        assert_eq!(verify(read).expect("verifies"), link());
    }
}

#[test]
fn each_token_has_one_text_in_each_alphabet() {
    let (base32, base64url) = (signed().base32(), signed().base64url());
    for text in [
        base32.to_lowercase(),
        format!("{base32}="),
        format!("{base32}A"),
        base32[1..].to_owned(),
        format!("{}1", &base32[1..]),
        format!("{}=", &base64url[1..]),
        format!("{}+", &base64url[1..]),
        format!("{}/", &base64url[1..]),
        format!("{} ", &base64url[1..]),
        format!("{base64url}===="),
        "é".repeat(36),
        String::new(),
    ] {
        assert!(Token::parse(&text).is_err(), "{text:?}");
    }
}

#[test]
fn every_changed_bit_is_refused() {
    for bit in 0..TOKEN_LENGTH * 8 {
        let mut bytes = *signed().as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = verify(Token(bytes)).expect_err("changed");
        let expected = match bit {
            4..8 => "link_malformed",
            0..4 => "link_key_unknown",
            _ => "link_forged",
        };
        assert_eq!(error.code(), expected, "bit {bit}");
    }
}

#[test]
fn a_token_of_another_app_or_of_another_secret_is_forged() {
    let (token, now) = (signed(), at(1_900_000_000));
    for (ring, app) in [(ring(5, 7), app("markets")), (ring(5, 8), app("market"))] {
        let error = token.verify(&ring, &app, now).expect_err("refused");
        assert_eq!(error.code(), "link_forged");
    }
}

#[test]
fn a_token_is_refused_from_its_expiry_on() {
    let verify = |now| signed().verify(&ring(5, 7), &app("market"), now);
    let last = Timestamp::from_micros(2_000_000_000_000_000 - 1);
    assert!(verify(last).is_ok());
    assert_eq!(
        verify(at(2_000_000_000)).expect_err("late").code(),
        "link_expired"
    );
}

#[test]
fn rotation_keeps_old_tokens_until_their_key_is_retired() {
    let mut ring = ring(5, 7)
        .with_key(key_id(6), &Secret::new([9; 32]).expect("32 bytes"))
        .expect("a free id");
    ring.activate(key_id(6)).expect("held");
    let (old, new) = (signed(), Token::sign(&ring, &app("market"), &link()));
    assert_ne!(old, new);
    let now = at(1_900_000_000);
    assert!(old.verify(&ring, &app("market"), now).is_ok());
    ring.retire(key_id(5)).expect("not active");
    let error = old.verify(&ring, &app("market"), now).expect_err("retired");
    assert_eq!(error.code(), "link_key_unknown");
    assert!(new.verify(&ring, &app("market"), now).is_ok());
}

#[test]
fn a_token_is_not_printed() {
    assert_eq!(format!("{:?}", signed()), "Token(***)");
}

fn any_subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(|bytes| Subject::Group(GroupId::from_bytes(bytes))),
        any::<[u8; 16]>().prop_map(|bytes| Subject::Offer(OfferId::from_bytes(bytes))),
        "[A-Za-z0-9._-]{1,16}".prop_map(|name| Subject::Page(name.parse().expect("a page"))),
    ]
}

proptest! {
    #[test]
    fn every_link_reads_back_from_its_token(
        subject in any_subject(),
        campaign in 0..=Campaign::MAX,
        sharer: u32,
        expiry in 1_u32..,
    ) {
        let link = ShareLink {
            subject,
            campaign: Campaign::new(campaign).expect("in range"),
            sharer: std::num::NonZeroU32::new(sharer).map(SharerNumber),
            expires_at: at(expiry.into()),
        };
        let token = Token::sign(&ring(5, 7), &app("market"), &link);
        let read = token.verify(&ring(5, 7), &app("market"), at(0));
        prop_assert_eq!(read.ok(), Some(link));
    }

    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,80}") {
        if let Ok(token) = Token::parse(&text) {
            prop_assert!(token.base32() == text || token.base64url() == text);
        }
    }
}
