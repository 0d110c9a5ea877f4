use std::{fmt, str::FromStr};

/// Where a PostgreSQL database is; shown without what may be a secret in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Returns the whole of it, for a driver.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_one = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        is_one
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| "write `postgres://…`".to_owned())
    }
}

impl fmt::Display for DatabaseUrl {
    /// Leaves out the password, and the parameters, of which one may be a password too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split('?').next().unwrap_or_default();
        let (scheme, rest) = shown.split_once("://").unwrap_or(("postgres", shown));
        let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let user = user.split(':').next().unwrap_or_default();
        let at = if user.is_empty() { "" } else { "@" };
        write!(f, "{scheme}://{user}{at}{place}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_without_password_and_parameters() {
        let shown = |text: &str| text.parse::<DatabaseUrl>().map(|url| url.to_string());
        let cases = [
            ("postgres://u:p@ss@h:1/d", "postgres://u@h:1/d"),
            ("postgresql://u@h/d?password=p", "postgresql://u@h/d"),
            ("postgres:///d", "postgres:///d"),
            ("postgres://h/d", "postgres://h/d"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text).as_deref(), Ok(expected));
        }
        assert!(shown("mysql://h/d").is_err());
    }
}
