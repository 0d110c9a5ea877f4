//! A test that runs itself again, as processes of its own, and kills them.
//!
//! ```no_run
//! use killed_processes::{Program, Rush, say, say_ready, told};
//!
//! # fn count(_: &str, _: u64) {}
//! /// Run as a child, counts what it is handed; run by itself, kills such children.
//! # const _: &str = stringify!(
//! #[test]
//! # );
//! fn what_was_acknowledged_is_there() {
//!     if let Some(file) = told("COUNTS_IN") {
//!         say_ready("");
//!         for number in killed_processes::handed::<u64>() {
//!             count(&file, number);
//!             say(format_args!("counted {number}"));
//!         }
//!         std::process::exit(0);
//!     }
//!     let rush = Rush {
//!         portions: vec![(0..500).collect(), (500..1_000).collect()],
//!         life_max: 100,
//!         acknowledgement: |line| Some((line.strip_prefix("counted ")?.parse::<u64>().ok()?, ())),
//!     };
//!     let program = || Program::of_test("what_was_acknowledged_is_there").told("COUNTS_IN", "a file");
//!     let acknowledged = rush.run(|| program().start());
//!     assert_eq!(acknowledged.answers.len(), 1_000);
//! }
//! ```
//!
//! - A [`Program`] is one test of this very program, and what it is told: by variables of the
//!   environment, of which one tells it that it is a child.
//! - A [`Process`] is such a child. It says line by line what it has done, and may be killed at any
//!   moment, as the kernel does it: what it was about to say is lost. It dies with its handle.
//! - A [`Rush`] lets several of them work off what they are handed, kills them at random moments, and
//!   starts them again until everything was acknowledged, once.
//!
//! A child that is killed by a panic of its parent has its handle dropped; one whose parent is itself
//! killed ends when it next reads or writes.

mod child;
mod process;
mod program;
mod rush;

pub use self::{
    child::{handed, say, say_ready, told},
    process::Process,
    program::Program,
    rush::{Acknowledged, Rush},
};
