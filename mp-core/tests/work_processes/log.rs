use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// What happens to an item, in the order in which processes wrote it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A handler has begun.
    Begun,
    /// The handler says that the work is done.
    Done,
    /// The handler says that it failed.
    Failed,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) step: Step,
    pub(crate) item: String,
    /// Until when the delivery is leased, in microseconds.
    pub(crate) lease: i64,
    pub(crate) process: u32,
}

/// A file to which all processes append: a line is one write, so none is torn, and a killed process
/// loses none that it wrote.
#[derive(Clone, Debug)]
pub(crate) struct Log(PathBuf);

impl Log {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the log to be written.
    pub(crate) fn open(&self) -> File {
        let options = OpenOptions::new().append(true).create(true).open(&self.0);
        options.expect("the log opens")
    }

    pub(crate) fn read(&self) -> Vec<Line> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(Line::parse).collect()
    }
}

impl Line {
    pub(crate) fn write(&self, mut file: &File) {
        let Self {
            step,
            item,
            lease,
            process,
        } = self;
        let line = format!("{step:?} {item} {lease} {process}\n");
        file.write_all(line.as_bytes()).expect("the log is written");
    }

    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [step, item, lease, process] = words[..] else {
            panic!("a torn line: {line}");
        };
        Self {
            step: match step {
                "Begun" => Step::Begun,
                "Done" => Step::Done,
                "Failed" => Step::Failed,
                other => panic!("an unknown step: {other}"),
            },
            item: item.to_owned(),
            lease: lease.parse().expect("a number"),
            process: process.parse().expect("a number"),
        }
    }
}
