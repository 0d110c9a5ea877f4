use std::{env, fmt, path::PathBuf, str::FromStr};

use clap::{Parser, ValueEnum};

use super::{audit::Source, database_url::DatabaseUrl};

/// An evening at a night market: visitors find stalls, open links, queue, order, pay, buy in groups
/// and collect stamps, by any number of processes on one store, each of which may be killed at any
/// moment: started with the same arguments, they share the evening.
#[derive(Clone, Debug, Parser)]
#[command(name = "night_market", version)]
pub(crate) struct Options {
    /// How many visitors come.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) visitors: u32,

    /// What the evening's chance events follow from.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,

    /// Where the evening is kept: `memory`, `sqlite:PATH`, or `postgres://…` [default: a file in the
    /// temporary folder, begun anew when the evening in it is over]
    #[arg(long)]
    pub(crate) store: Option<StoreChoice>,

    /// Prints one JSON object on standard output and nothing else.
    #[arg(long)]
    pub(crate) json: bool,

    /// Recomputes every invariant from the records in this file, or in the database at this
    /// `postgres://…`, alone, and runs nothing.
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) audit: Option<Source>,

    /// Breaks one thing on purpose, to show that the invariants notice.
    #[arg(long = "break", value_name = "FAULT")]
    pub(crate) fault: Option<Fault>,

    /// Leaves due work undone for the first half of the evening.
    #[arg(long)]
    pub(crate) pause_worker: bool,
}

/// Where the evening is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StoreChoice {
    Memory,
    Sqlite(PathBuf),
    Postgres(DatabaseUrl),
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => text
                .parse()
                .map(Self::Postgres)
                .map_err(|_| "write `memory`, `sqlite:PATH` or `postgres://…`".to_owned()),
        }
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// The payment provider gives a refund twice.
    Refund,
    /// A group gets a member more than it has seats.
    Seat,
    /// The payment provider takes a captured payment twice.
    Capture,
}

impl Options {
    /// Returns the file that an evening without `--store` is kept in.
    pub(crate) fn default_path(&self) -> PathBuf {
        env::temp_dir().join(format!(
            "night_market-{}-{}.sqlite",
            self.visitors, self.seed
        ))
    }
}
