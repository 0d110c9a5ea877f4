use std::fmt;

use super::Violation;

/// Why a promise was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip {
    /// It is about an ability that the backend does not declare.
    NotDeclared(&'static str),
    /// It is about refusing what is not declared, and the backend declares it.
    Declared(&'static str),
    /// The [`Provider`](super::Provider) does not tell or do what it takes to try it.
    NotProvided(&'static str),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeclared(ability) => write!(f, "the backend does not declare {ability}"),
            Self::Declared(ability) => write!(f, "the backend declares {ability}"),
            Self::NotProvided(probe) => {
                write!(f, "UNTRIED, as the factory's provider has no {probe}")
            }
        }
    }
}

/// Why a clause ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    Skipped(Skip),
    Broken(Violation),
}

impl From<Skip> for Stop {
    fn from(skip: Skip) -> Self {
        Self::Skipped(skip)
    }
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation)
    }
}

/// Goes on only if the backend declares an ability.
pub(super) const fn declared(does: bool, ability: &'static str) -> Result<(), Skip> {
    if does {
        Ok(())
    } else {
        Err(Skip::NotDeclared(ability))
    }
}

/// Goes on only if the backend does not declare an ability.
pub(super) const fn undeclared(does: bool, ability: &'static str) -> Result<(), Skip> {
    if does {
        Err(Skip::Declared(ability))
    } else {
        Ok(())
    }
}
