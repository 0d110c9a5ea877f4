use super::*;

/// A token's form for QR codes has 72 characters.
fn url(prefix: &str) -> String {
    format!("{prefix}{}", "A2".repeat(36))
}

#[test]
fn a_link_behind_eighteen_characters_fits_version_4_at_level_m() {
    let prefix = "HTTPS://M.EXAMPLE/";
    assert_eq!(prefix.len(), 18);
    let version =
        |prefix: &str, correction| Qr::of(&url(prefix), correction).expect("fits").version();
    assert_eq!(version(prefix, Correction::Medium), 4);
    assert_eq!(version("HTTPS://MM.EXAMPLE/", Correction::Medium), 5);
    assert_eq!(version(prefix, Correction::Quartile), 6);
}

#[test]
fn the_quiet_zone_is_four_modules_wide() {
    let qr = Qr::of(&url("HTTPS://M.EXAMPLE/"), Correction::Medium).expect("fits");
    let (side, margin) = (qr.width() + 2 * QUIET_ZONE, QUIET_ZONE / 2);
    let lines: Vec<Vec<char>> = qr
        .terminal()
        .lines()
        .map(|line| line.chars().collect())
        .collect();
    assert_eq!(lines.len(), side.div_ceil(2));
    assert!(lines.iter().all(|line| line.len() == side));
    for line in &lines[..margin] {
        assert!(line.iter().all(|half| *half == '█'), "light above");
    }
    assert!(
        lines[margin][..QUIET_ZONE].iter().all(|half| *half == '█'),
        "light at the left"
    );
    assert_eq!(
        lines[margin][QUIET_ZONE], ' ',
        "the finder pattern begins dark"
    );
    // The library draws eight pixels a module.
    assert!(
        qr.svg()
            .contains(&format!(r#"viewBox="0 0 {0} {0}""#, side * 8))
    );
}

#[test]
fn nothing_is_dark_outside() {
    let qr = Qr::of("HTTPS://M.EXAMPLE/", Correction::Medium).expect("fits");
    assert!(qr.is_dark(0, 0));
    assert!(!qr.is_dark(qr.width(), 0) && !qr.is_dark(0, usize::MAX));
}

#[test]
fn a_text_that_no_version_holds_is_refused() {
    let error = Qr::of(&"a".repeat(3_000), Correction::Medium).expect_err("too long");
    assert_eq!(error.code(), "too_long_for_qr");
}
