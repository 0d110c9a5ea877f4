//! Our QR codes, read by somebody else's reader: `zbarimg` of ZBar (Debian package `zbar-tools`).

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
};

use mp_share::qr::{Correction, QUIET_ZONE, Qr};

/// Pixels per module.
const SCALE: usize = 4;

/// Draws a code as a plain PBM image (netpbm format P1: 1 is black).
fn pbm(qr: &Qr) -> String {
    let side = (qr.width() + 2 * QUIET_ZONE) * SCALE;
    let mut image = format!("P1\n{side} {side}\n");
    for y in 0..side {
        for x in 0..side {
            let module = |pixel: usize| (pixel / SCALE).wrapping_sub(QUIET_ZONE);
            image.push(if qr.is_dark(module(x), module(y)) {
                '1'
            } else {
                '0'
            });
        }
        image.push('\n');
    }
    image
}

fn zbarimg_is_there() -> bool {
    let asked = Command::new("zbarimg")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn read_by_zbar(image: &str) -> String {
    let path = std::env::temp_dir().join(format!("mp-share-{}.pbm", std::process::id()));
    fs::write(&path, image).expect("a temporary file");
    let output = Command::new("zbarimg")
        .args(["--quiet", "--raw"])
        .arg(&path)
        .output();
    fs::remove_file(&path).expect("the file is still there");
    String::from_utf8_lossy(&output.expect("zbarimg runs").stdout)
        .trim_end()
        .to_owned()
}

#[test]
fn zbar_reads_what_a_code_says() {
    if !zbarimg_is_there() {
        eprintln!("SKIPPED: zbarimg is not installed (Debian package zbar-tools)");
        return;
    }
    let mut token = String::new();
    for n in 0..72_u8 {
        let digit = if n % 3 == 0 {
            b'2' + n % 6
        } else {
            b'A' + n % 26
        };
        write!(token, "{}", char::from(digit)).expect("a string takes all");
    }
    for prefix in [
        "HTTPS://M.EXAMPLE/",
        "HTTPS://A-MUCH-LONGER-HOST.EXAMPLE:8443/S/",
    ] {
        for correction in [Correction::Medium, Correction::Quartile] {
            let url = format!("{prefix}{token}");
            let qr = Qr::of(&url, correction).expect("fits");
            assert_eq!(read_by_zbar(&pbm(&qr)), url, "{correction:?}");
        }
    }
}
