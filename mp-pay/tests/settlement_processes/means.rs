use std::{fmt, str::FromStr};

/// What a settlement secures money by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Payments,
    StoredValue,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Means {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Payments, Self::StoredValue];
        let found = all.into_iter().find(|means| means.to_string() == text);
        found.ok_or_else(|| format!("{text} is no means"))
    }
}
