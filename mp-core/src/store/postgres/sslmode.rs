//! `sslmode=verify-full` for a driver that knows `require` only; ours verifies the certificate and the
//! name then.

use std::ops::Range;

const ASKED: &str = "verify-full";
const KNOWN: &str = "require";

/// Returns a URL or a connection string with the mode that the driver knows.
pub(super) fn known(url: &str) -> String {
    let schemes = ["postgres://", "postgresql://"];
    let place = match schemes.iter().any(|scheme| url.starts_with(scheme)) {
        true => in_query(url),
        false => in_pairs(url),
    };
    match place {
        Some(place) => [&url[..place.start], KNOWN, &url[place.end..]].concat(),
        None => url.to_owned(),
    }
}

/// Finds the mode in what follows the first question mark behind the password.
fn in_query(url: &str) -> Option<Range<usize>> {
    let host = url.find('@').unwrap_or_default();
    let mut start = host + url[host..].find('?')? + 1;
    for pair in url[start..].split('&') {
        if pair.strip_prefix("sslmode=") == Some(ASKED) {
            let end = start + pair.len();
            return Some(end - ASKED.len()..end);
        }
        start += pair.len() + 1;
    }
    None
}

/// Finds the mode among pairs of `key = value`, whose values may be quoted.
fn in_pairs(text: &str) -> Option<Range<usize>> {
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let value = after.trim_start();
        let (value, after) = value.split_at(length(value));
        if key.trim() == "sslmode" && value.trim_matches('\'') == ASKED {
            let end = text.len() - after.len();
            return Some(end - value.len()..end);
        }
        rest = after;
    }
    None
}

/// Returns how long the value is that a text begins with: a backslash takes what follows it as it is.
fn length(text: &str) -> usize {
    let quoted = text.starts_with('\'');
    let mut escaped = false;
    for (place, character) in text.char_indices().skip(usize::from(quoted)) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return place + 1,
            space if !quoted && space.is_whitespace() => return place,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::*;
    use crate::store::{PostgresOptions, postgres::connections::parse};

    fn mode_and_password(url: &str) -> (SslMode, String) {
        let config = parse(url, &PostgresOptions::default());
        let config = config.unwrap_or_else(|error| panic!("{url}: {error:?}"));
        let password = config.get_password().unwrap_or_default().to_vec();
        let password = String::from_utf8(password).expect("is text");
        (config.get_ssl_mode(), password)
    }

    #[test]
    fn verify_full_is_known_wherever_it_may_stand() {
        for url in [
            "postgres://mp@db.example/market?sslmode=verify-full",
            "postgresql://db.example/market?sslmode=verify-full&application_name=stall",
            "postgres://mp:secret@db.example/market?application_name=stall&sslmode=verify-full",
            "host=db.example sslmode=verify-full user=mp",
            "host = db.example user = mp sslmode = 'verify-full'",
            r"user=m\ p password='it\'s' sslmode=verify-full host=db.example",
            "host=db.example password=a://b sslmode=verify-full",
        ] {
            assert_eq!(mode_and_password(url).0, SslMode::Require, "{url}");
        }
    }

    #[test]
    fn what_is_not_the_mode_stays_as_it_is() {
        for (url, password) in [
            (
                "postgres://mp:a?sslmode=verify-full&b@db.example/market",
                "a?sslmode=verify-full&b",
            ),
            (
                "host=db.example password='a://b?sslmode=verify-full&c'",
                "a://b?sslmode=verify-full&c",
            ),
            (
                "host=db.example password='x sslmode=verify-full y'",
                "x sslmode=verify-full y",
            ),
            (
                r"password='it\'s sslmode=verify-full' host=db.example",
                "it's sslmode=verify-full",
            ),
            (
                r"host=db.example password=x\ sslmode=verify-full",
                "x sslmode=verify-full",
            ),
        ] {
            let found = mode_and_password(url);
            assert_eq!(found, (SslMode::Prefer, password.to_owned()), "{url}");
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_looked_through() {
        for text in [
            "",
            "=",
            "a='",
            "a=\\",
            "sslmode=",
            "://?",
            "ü='ö =é",
            "postgres://@?&&",
        ] {
            assert_eq!(known(text), text);
        }
    }
}
