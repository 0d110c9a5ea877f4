//! What a child does.

use std::{
    env,
    fmt::{Debug, Display},
    io,
    str::FromStr,
};

/// What a child's line begins with that says that it is ready.
pub(crate) const READY: &str = "ready ";

/// Returns what this process was told under a name; `None` if it is no child, or was told nothing.
#[must_use]
pub fn told(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Says that this child is ready, and what its parent has to know of it.
pub fn say_ready(about: impl Display) {
    // The test harness has begun a line.
    println!("\n{READY}{about}");
}

/// Says what this child has done.
pub fn say(line: impl Display) {
    println!("{line}");
}

/// Returns what this child is handed, all of it.
///
/// # Panics
///
/// If a line is not what is expected.
#[must_use]
pub fn handed<T: FromStr<Err: Debug>>() -> Vec<T> {
    let lines = io::stdin().lines().map_while(Result::ok);
    let items = lines.map(|line| line.parse().expect("a child is handed what it expects"));
    items.collect()
}
