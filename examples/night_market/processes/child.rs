use std::{
    env,
    io::Write,
    process::{Child, Command, Stdio, exit},
};

use clap::Parser;
use tokio::runtime::Runtime;

use crate::options::Options;

/// Where a child finds the arguments of the market, one a line.
const ARGUMENTS: &str = "MP_PROCESSES_ARGUMENTS";

/// Starts the market: this program again, with nothing but the one test, which must begin with
/// [`run_if_this_is_one`].
pub(super) fn start(test: &str, arguments: &[String]) -> Child {
    Command::new(env::current_exe().expect("this test has a file"))
        .args(["--exact", test, "--nocapture"])
        .env(ARGUMENTS, arguments.join("\n"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts")
}

/// In a child, holds the evening and ends the process; elsewhere does nothing.
pub(super) fn run_if_this_is_one() {
    let Ok(arguments) = env::var(ARGUMENTS) else {
        return;
    };
    // The test harness has begun a line.
    println!();
    let options = Options::parse_from(["night_market"].into_iter().chain(arguments.lines()));
    let held = Runtime::new()
        .expect("a runtime")
        .block_on(crate::hold(&options));
    let _ = std::io::stdout().flush();
    exit(match held {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            crate::complain(&*error);
            2
        }
    });
}
