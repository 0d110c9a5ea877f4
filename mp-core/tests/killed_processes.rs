//! What is promised of processes that a test kills.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::Write,
    process::exit,
    thread,
    time::Duration,
};

use killed_processes::{Program, Rush, handed, say, say_ready, told};

/// Where a child writes down what it was handed.
const LOG: &str = "MP_KILLED_LOG";

/// Run as a child, writes down and acknowledges each number that it is handed; run by itself, kills
/// such children.
#[test]
fn everything_is_acknowledged_once_by_processes_that_are_killed() {
    if let Some(log) = told(LOG) {
        write_down(&log);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("numbers.log");
    let portion = |process: u64| (process * 200..(process + 1) * 200).collect();
    let rush = Rush {
        portions: (0..3).map(portion).collect(),
        life_max: 40,
        acknowledgement: |line| Some((line.strip_prefix("wrote ")?.parse::<u64>().ok()?, ())),
    };
    let test = "everything_is_acknowledged_once_by_processes_that_are_killed";
    let acknowledged = rush.run(|| Program::of_test(test).told(LOG, &log).start());

    let numbers: BTreeSet<u64> = acknowledged.answers.into_keys().collect();
    assert_eq!(numbers, (0..600).collect(), "each was acknowledged");
    assert!(acknowledged.kills > 0, "nobody was killed");
    let written = fs::read_to_string(&log).expect("is written");
    let written: BTreeSet<u64> = written
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    assert_eq!(written, numbers, "what was acknowledged was done");
}

fn write_down(log: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(log);
    let file = file.as_mut().expect("opens");
    say_ready("");
    for number in handed::<u64>() {
        // In one piece: the others append to the same file.
        let line = format!("{number}\n");
        file.write_all(line.as_bytes()).expect("is written");
        say(format_args!("wrote {number}"));
        // Else it may be done before it is killed.
        thread::sleep(Duration::from_millis(1));
    }
    exit(0);
}

#[test]
fn a_child_says_what_its_parent_has_to_know_and_dies_with_its_handle() {
    const WAITS: &str = "MP_KILLED_WAITS";
    if told(WAITS).is_some() {
        say_ready(format_args!("as {}", std::process::id()));
        say(format_args!("handed {:?}", handed::<String>()));
        exit(0);
    }
    let test = "a_child_says_what_its_parent_has_to_know_and_dies_with_its_handle";
    let mut child = Program::of_test(test).told(WAITS, "").start();
    assert_eq!(child.wait_until_ready(), format!("as {}", child.id()));
    child.kill();
    assert_eq!(child.line(), None, "nothing more is heard of it");
    let mut child = Program::of_test(test).told(WAITS, "").start();
    child.wait_until_ready();
    child.hand(["and no more"]);
    assert_eq!(child.line().as_deref(), Some(r#"handed ["and no more"]"#));
    assert!(child.wait().success(), "it comes to its end by itself");
}
