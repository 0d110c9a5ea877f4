use std::{fmt, str::FromStr};

/// The longest address, in bytes.
pub const URL_LENGTH_MAX: usize = 2_048;

/// An address on the web that every parser reads alike: `https`, a host that is a name, no
/// credentials.
///
/// It is a narrow part of what the [URL standard](https://url.spec.whatwg.org) allows: visible ASCII
/// without a backslash, a small `https://`, a host of two labels or more (RFC 1123 §2.1, at most 253
/// characters), perhaps a port. An IP address in any spelling is none, as the last label begins with
/// a letter; a name in another script is written as `xn--…`. Names that lead nowhere but home
/// (`localhost`, `local`, `internal`, `arpa`: RFC 6761, RFC 6762, RFC 8375) are refused.
///
/// Its query may be a secret, so that `Debug` shows the host alone.
///
/// ```
/// use mp_core::web::HttpsUrl;
///
/// let page: HttpsUrl = "https://bank.example/3ds?secret=1".parse()?;
/// assert_eq!(page.host(), "bank.example");
/// assert_eq!(format!("{page:?}"), "HttpsUrl(https://bank.example/***)");
/// assert!("https://bank.example@evil.example/".parse::<HttpsUrl>().is_err());
/// assert!("https://2130706433/".parse::<HttpsUrl>().is_err());
/// # Ok::<(), mp_core::web::ParseHttpsUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HttpsUrl(String);

/// The text is not an address of [`HttpsUrl`]'s form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{EXPECTED}")]
pub struct ParseHttpsUrlError(());

impl HttpsUrl {
    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        authority(&self.0).map_or("", |(host, _)| host)
    }
}

impl FromStr for HttpsUrl {
    type Err = ParseHttpsUrlError;

    fn from_str(text: &str) -> Result<Self, ParseHttpsUrlError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let fits = text.len() <= URL_LENGTH_MAX && text.bytes().all(plain);
        let (host, port) = authority(text)
            .filter(|_| fits)
            .ok_or(ParseHttpsUrlError(()))?;
        if is_name(host) && port.is_none_or(is_port) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseHttpsUrlError(()))
        }
    }
}

/// Returns the host and the port of an address; what stands for credentials is part of the host,
/// which then is no name.
fn authority(text: &str) -> Option<(&str, Option<&str>)> {
    let rest = text.strip_prefix("https://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    Some(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        let made_of = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let inside = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && inside && label.bytes().all(made_of)
    };
    let Some((_, last)) = host.rsplit_once('.') else {
        return false;
    };
    let at_home = AT_HOME.iter().any(|name| last.eq_ignore_ascii_case(name));
    let named = last.starts_with(|first: char| first.is_ascii_alphabetic());
    host.len() <= 253 && host.split('.').all(label) && named && !at_home
}

fn is_port(port: &str) -> bool {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    digits && !port.starts_with('0') && port.parse::<u16>().is_ok()
}

/// Top-level names that are resolved to nothing on the public internet.
const AT_HOME: [&str; 4] = ["localhost", "local", "internal", "arpa"];

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpsUrl(https://{}/***)", self.host())
    }
}

const EXPECTED: &str = "not an https address of a named host, without credentials";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::{Host, Url};

    use super::*;

    fn accepted(text: &str) -> bool {
        text.parse::<HttpsUrl>().is_ok()
    }

    #[test]
    fn addresses_of_named_hosts_are_taken() {
        for text in [
            "https://bank.example",
            "https://bank.example/",
            "https://Bank.Example/3ds?token=a%20b#top",
            "https://hooks.bank.example:8443/x?y=https://a@b/",
            "https://xn--bcher-kva.example/",
            "https://1.2.3.4.example/",
        ] {
            assert!(accepted(text), "{text}");
        }
        let longest = format!("https://a.example/{}", "x".repeat(URL_LENGTH_MAX - 18));
        assert!(accepted(&longest) && !accepted(&format!("{longest}x")));
    }

    /// Spellings by which filters were passed before: of the loopback address, of the metadata
    /// service of clouds, of a host other than the one that is read first.
    #[test]
    fn known_bypasses_are_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[fe80::1%25eth0]",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "[fd00:ec2::254]",
            "[64:ff9b::7f00:1]",
            "1.2.3.0x4",
            "1.2.3.4.",
            "localhost",
            "app.localhost",
            "app.LOCALHOST",
            "router.local",
            "metadata.google.internal",
            "1.0.0.127.in-addr.arpa",
            "localhost.",
            "bank.example.",
            "bank",
            "",
            ".",
            "..",
            "bank..example",
            "-bank.example",
            "bank-.example",
            "bank.example%2eevil.example",
            "bank.example%00.evil.example",
            "ｂａｎｋ.example",
            "bank。example",
            "①②⑦.⓪.⓪.①",
            "bücher.example",
            "ba_nk.example",
            "a@bank.example",
            "a:b@bank.example",
            "bank.example@127.0.0.1",
            "@bank.example",
            "bank.example:0",
            "bank.example:",
            "bank.example:080",
            "bank.example:65536",
            "bank.example:80:80",
            "bank.example:+80",
            "bank.example\\@evil.example",
            "evil.example\\.bank.example",
            "bank.example\t.evil.example",
            "bank.example\n",
            " ",
        ] {
            assert!(!accepted(&format!("https://{host}/")), "{host}");
        }
        for text in [
            "http://bank.example/",
            "HTTPS://bank.example/",
            "https:/bank.example/",
            "https:bank.example/",
            "https:///bank.example/",
            "https:\\\\bank.example/",
            "//bank.example/",
            "ftp://bank.example/",
            "file:///etc/passwd",
            "gopher://bank.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "weixin://dl/pay",
            "",
            "bank.example",
            " https://bank.example/",
            "https://bank.example/a b",
            "https://bank.example/\u{e9}",
            "https://bank.example/\u{0}",
            "blob:https://bank.example/",
            "ht\ttps://bank.example/",
        ] {
            assert!(!accepted(text), "{text}");
        }
        let long = format!("https://{}.example/", "a.".repeat(125));
        assert!(!accepted(&long) && !accepted(&format!("https://{}.example/", "a".repeat(64))));
    }

    #[test]
    fn debug_shows_the_host_alone() {
        let page: HttpsUrl = "https://bank.example:8443/pay/secret?key=secret"
            .parse()
            .unwrap();
        assert_eq!(format!("{page:?}"), "HttpsUrl(https://bank.example/***)");
        let error = "https://secret@bank.example/"
            .parse::<HttpsUrl>()
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    proptest! {
        /// Whatever is taken, a parser of the URL standard reads as the same host by name, over
        /// https, with no credentials.
        #[test]
        fn another_parser_reads_the_same(
            text in prop_oneof![
                "https://[a-z0-9-]{1,6}\\.[a-z0-9.-]{1,12}(:[0-9]{1,5})?([/?#@:\\\\][ -~]{0,12})?",
                "(https://)?[a-z0-9.:@\\[\\]%/?#\\\\x-]{1,24}(\\.example)?[/?#@:\\\\]?[ -~]{0,12}",
            ]
        ) {
            if accepted(&text) && !text.contains("xn--") {
                let ours: HttpsUrl = text.parse().unwrap();
                let theirs = Url::parse(&text).unwrap();
                prop_assert_eq!(theirs.scheme(), "https");
                prop_assert_eq!((theirs.username(), theirs.password()), ("", None));
                prop_assert_eq!(theirs.host(), Some(Host::Domain(ours.host())));
            }
        }
    }
}
