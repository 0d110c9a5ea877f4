use std::{fmt, str::FromStr, time::Duration};

use mp_pay::backend::Capabilities;

/// What gets a backend of this class out of an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Replays,
    Answers,
    Neither,
}

impl Class {
    pub(crate) const fn capabilities(self) -> Capabilities {
        let can = Capabilities::neither();
        match self {
            Self::Replays => can.with_replay(Duration::from_secs(24 * 60 * 60)),
            Self::Answers => can.with_queries(),
            Self::Neither => can,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Replays, Self::Answers, Self::Neither];
        let found = all.into_iter().find(|class| class.to_string() == text);
        found.ok_or_else(|| format!("{text} is no class"))
    }
}
