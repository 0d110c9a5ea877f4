use std::fmt;

use mp_core::Error;
use url::{Host, Url};

/// What stands before the token in this host's links, such as `https://m.example/`.
///
/// Scheme and host are written in capitals, which mean the same (RFC 3986 §6.2.2.1), so that a QR
/// code of the whole URL needs only its alphanumeric mode. For the same reason a path may have
/// only capitals, digits, `.`, `-` and `/`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BaseUrl {
    url: Url,
    text: String,
}

impl BaseUrl {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let refused = |problem| Error::invalid("base_url", problem);
        let url = Url::parse(text).map_err(|_| refused("is no URL"))?;
        let bare = url.query().is_none() && url.fragment().is_none();
        if url.scheme() != "https"
            || !url.username().is_empty()
            || url.password().is_some()
            || !bare
        {
            return Err(refused("is not of the form https://host/"));
        }
        let host = match url.host() {
            Some(Host::Domain(host)) => host.to_ascii_uppercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            _ => return Err(refused("has a host that a QR code cannot say briefly")),
        };
        let path = url.path();
        let allowed =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b".-/".contains(&byte);
        if !path.bytes().all(allowed) || !path.ends_with('/') {
            return Err(refused("has a path other than capitals and a / at its end"));
        }
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let text = format!("HTTPS://{host}{port}{path}");
        Ok(Self { url, text })
    }

    /// Returns the URL of a token.
    pub(super) fn join(&self, token: &str) -> String {
        format!("{}{token}", self.text)
    }

    /// Returns the token in a URL of this host; what a messenger adds behind `?` or `#` is ignored.
    pub(super) fn token(&self, url: &Url) -> Option<String> {
        let same_place = url.scheme() == self.url.scheme()
            && url.host() == self.url.host()
            && url.port() == self.url.port()
            && url.username().is_empty()
            && url.password().is_none();
        let token = url.path().strip_prefix(self.url.path())?;
        same_place.then(|| token.to_owned())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_in(url: &str) -> Option<String> {
        let base = BaseUrl::parse("https://m.example/S/").expect("a base URL");
        base.token(&Url::parse(url).expect(url))
    }

    #[test]
    fn a_url_is_written_in_capitals_and_read_in_either_case() {
        let base = BaseUrl::parse("https://m.example:8443/S/").expect("a base URL");
        assert_eq!(base.join("TOKEN"), "HTTPS://M.EXAMPLE:8443/S/TOKEN");
        for url in [
            "HTTPS://M.EXAMPLE/S/T",
            "https://m.example/S/T",
            "https://m.example:443/S/T?utm_source=chat#top",
        ] {
            assert_eq!(token_in(url).as_deref(), Some("T"), "{url}");
        }
    }

    #[test]
    fn urls_of_somebody_else_hold_no_token() {
        for url in [
            "http://m.example/S/T",
            "https://m.example.evil/S/T",
            "https://m.example/s/T",
            "https://m.example:8443/S/T",
            "https://m.example@evil.example/S/T",
            "https://user@m.example/S/T",
            "https://evil.example/S/T",
            "mailto:m.example",
        ] {
            assert_eq!(token_in(url), None, "{url}");
        }
    }

    #[test]
    fn base_urls_that_a_qr_code_cannot_say_briefly_are_refused() {
        for text in [
            "",
            "m.example",
            "http://m.example/",
            "https://m.example/s/",
            "https://m.example/S",
            "https://m.example/?Q",
            "https://m.example/#F",
            "https://u@m.example/",
            "https://[::1]/",
        ] {
            let error = BaseUrl::parse(text).expect_err(text);
            assert_eq!(error.field(), Some("base_url"), "{text}");
        }
    }
}
