//! What `mp_core::sign` signs, and what the `openssl` command line (3.0 or later) makes of it.
//!
//! The signed bytes are put together here from the documented format, not by the library.

use std::fs;
use std::path::Path;
use std::process::Command;

use mp_core::sign::{Domain, KeyId, KeyRing, Secret, Signature, SigningKey, SigningRing};

const DOMAIN: Domain = Domain::new("test/openssl/v1");
const MESSAGE: &[u8] = b"table 12";
const SIGNED: &[u8] = b"\0\0\0\0\0\0\0\x0ftest/openssl/v1table 12";
const SECRET: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

/// RFC 8410 §7: a PKCS#8 document of an Ed25519 seed, up to the seed.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
];

/// RFC 8410 §4: a SubjectPublicKeyInfo of an Ed25519 key, up to the key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

#[test]
fn openssl_computes_the_same_hmac() {
    let Some(files) = files("openssl_computes_the_same_hmac") else {
        return;
    };
    let ring = KeyRing::new(key_id(), &Secret::new(SECRET).unwrap());
    let (_, tag) = ring.sign(DOMAIN, MESSAGE);
    let hexkey = format!("hexkey:{}", hex(&SECRET));
    let arguments = [
        "mac", "-digest", "SHA256", "-macopt", &hexkey, "-in", "signed", "HMAC",
    ];
    let printed = openssl(files.path(), &arguments);
    assert_eq!(
        String::from_utf8(printed).unwrap().trim().to_lowercase(),
        hex(tag.as_bytes())
    );
}

#[test]
fn openssl_makes_the_same_ed25519_signature_and_verifies_ours() {
    let Some(files) = files("openssl_makes_the_same_ed25519_signature_and_verifies_ours") else {
        return;
    };
    let key = SigningKey::from_seed(&Secret::new(SECRET).unwrap()).unwrap();
    let document = [&PKCS8_PREFIX[..], &SECRET].concat();
    let public = [&SPKI_PREFIX[..], key.public_key().as_bytes()].concat();
    let same = SigningKey::from_pkcs8(&Secret::new(document.clone()).unwrap()).unwrap();
    assert_eq!(same.public_key(), key.public_key());
    fs::write(files.path().join("private"), document).unwrap();
    fs::write(files.path().join("public"), public).unwrap();

    let ring = SigningRing::new(key_id(), key);
    let (_, ours) = ring.sign(DOMAIN, MESSAGE);
    let theirs = openssl(
        files.path(),
        &words("pkeyutl -sign -inkey private -keyform DER -rawin -in signed"),
    );
    assert_eq!(Signature::from_bytes(&theirs), Ok(ours));

    fs::write(files.path().join("ours"), ours.as_bytes()).unwrap();
    let verify =
        "pkeyutl -verify -pubin -inkey public -keyform DER -rawin -in signed -sigfile ours";
    openssl(files.path(), &words(verify));
}

/// Returns a directory with the signed bytes, or skips the test where there is no openssl 3.
fn files(test: &str) -> Option<tempfile::TempDir> {
    let version = Command::new("openssl")
        .arg("version")
        .output()
        .map(|output| output.stdout);
    if !version.is_ok_and(|text| text.starts_with(b"OpenSSL 3")) {
        println!("skipped: {test}: there is no openssl 3 on the path");
        return None;
    }
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("signed"), SIGNED).unwrap();
    Some(files)
}

fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

fn key_id() -> KeyId {
    KeyId::new(0).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
