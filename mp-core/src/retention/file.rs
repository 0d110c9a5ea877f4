use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{Archive, Archived, folder};
use crate::{
    clock::Timestamp,
    error::{Error, ErrorKind},
    store::CommitId,
};

/// An archive in a folder of files, one aggregate a line ([`Archived::to_line`]).
///
/// Each archive writes to a file of its own, `{date}-{random}.jsonl`, so that processes do not
/// meet; the name is short because every mark has it. It waits for the disk before it says that
/// something is kept, and then makes sure that the file still stands where the mark says. What could
/// not be kept, on a full disk for instance, leaves no file and takes up no room.
///
/// Nothing is written to a file of an earlier day: a host compresses, moves and deletes those as it
/// likes, once no sweep from before midnight (UTC) is still going on; nothing of the suite reads them
/// but [`read`](Self::read). A file of today is to be left alone. If it is moved or deleted all the
/// same, or written to by somebody else, what comes next goes into a new one; only what is copied
/// while it grows may lack the end.
#[derive(Clone, Debug)]
pub struct FileArchive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// What was written to last; none before the first line, and none after a failure.
    last: Mutex<Option<Written>>,
}

/// A file as it was left. It is not kept open: it would still be written to when it has no name any
/// more.
#[derive(Debug)]
struct Written {
    name: String,
    length: u64,
}

/// A file that is being written to.
#[derive(Debug)]
struct Open {
    name: String,
    file: File,
    /// How long it was before, in bytes; none of one that was just made.
    before: Option<u64>,
}

impl FileArchive {
    /// Keeps aggregates in a folder, which is made if need be.
    #[must_use]
    pub fn in_folder(folder: impl AsRef<Path>) -> Self {
        Self(Arc::new(Inner {
            folder: folder.as_ref().to_owned(),
            last: Mutex::default(),
        }))
    }

    /// Reads the aggregates of one file; what stands after the last line feed was never kept and is
    /// passed over.
    ///
    /// # Errors
    ///
    /// `archive_failed` if the file cannot be opened; per line, `corrupt_record`, or
    /// `archive_failed`, which is the last.
    pub fn read(
        file: impl AsRef<Path>,
    ) -> Result<impl Iterator<Item = Result<Archived, Error>>, Error> {
        let file = File::open(file).map_err(failed)?;
        Ok(aggregates_in(BufReader::new(file)))
    }
}

#[async_trait]
impl Archive for FileArchive {
    async fn keep(&self, aggregates: Vec<Archived>, now: Timestamp) -> Result<String, Error> {
        let mut text = String::new();
        for aggregate in &aggregates {
            text.push_str(&aggregate.to_line()?);
            text.push('\n');
        }
        let inner = self.0.clone();
        let written = tokio::task::spawn_blocking(move || inner.append(&text, now));
        written
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(failed)
    }
}

/// Reads aggregates up to the last line feed, or to an error of the file's, which would come again.
fn aggregates_in(file: impl BufRead) -> impl Iterator<Item = Result<Archived, Error>> {
    let mut file = Some(file);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match file.as_mut()?.read_until(b'\n', &mut line) {
            Ok(_) => line.strip_suffix(b"\n").map(aggregate_of),
            Err(error) => {
                file = None;
                Some(Err(failed(error)))
            }
        }
    })
}

fn aggregate_of(line: &[u8]) -> Result<Archived, Error> {
    let line = str::from_utf8(line).map_err(|error| {
        let message = "a line of the archive is not UTF-8";
        Error::new(ErrorKind::Corrupt, "corrupt_record", message).with_source(error)
    })?;
    Archived::from_line(line)
}

impl Inner {
    fn append(&self, text: &str, now: Timestamp) -> io::Result<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let date = date_of(now);
        // Should writing fail, a line may be torn: the next one goes into a new file.
        let before = last.take().filter(|before| before.name.starts_with(&date));
        let mut again = before.and_then(|before| self.open_again(before));
        for _ in 0..WRITES_MAX {
            let open = match again.take() {
                Some(open) => open,
                None => self.create(&date)?,
            };
            let written = self.write(&open, text);
            if let Some(length) = written.inspect_err(|_| self.take_back(&open))? {
                let name = open.name;
                let written = last.insert(Written { name, length });
                return Ok(written.name.clone());
            }
        }
        let message = "the files of the archive are moved while they are written to";
        Err(io::Error::other(message))
    }

    /// Opens a file that stands as it was left; one that does not is somebody else's now.
    fn open_again(&self, before: Written) -> Option<Open> {
        let path = self.folder.join(&before.name);
        let file = OpenOptions::new().append(true).open(path).ok()?;
        let length = file.metadata().ok()?.len();
        (length == before.length).then_some(Open {
            name: before.name,
            file,
            before: Some(length),
        })
    }

    /// Writes a text, and returns how long the file is then; nothing if its name is no longer that of
    /// this file.
    fn write(&self, open: &Open, text: &str) -> io::Result<Option<u64>> {
        let mut file = &open.file;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        let length = file.metadata()?.len();
        Ok(self.stands(&open.name, file)?.then_some(length))
    }

    /// Makes a file again what it was: on a full disk, what was not kept would take up the last room that
    /// there is.
    fn take_back(&self, open: &Open) {
        // What failed before is told; this is no worse.
        let _ = open.file.set_len(open.before.unwrap_or(0));
        if open.before.is_none() {
            let _ = fs::remove_file(self.folder.join(&open.name));
        }
    }

    /// Returns whether a name is still that of this file.
    fn stands(&self, name: &str, file: &File) -> io::Result<bool> {
        match fs::metadata(self.folder.join(name)) {
            Ok(found) => Ok(is_same(&found, &file.metadata()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn create(&self, date: &str) -> io::Result<Open> {
        folder::make(&self.folder)?;
        // Should the name be taken, which is unlikely, the next sweep makes another.
        let random = CommitId::random().0 as u32;
        let name = format!("{date}-{random:08x}.jsonl");
        let open = Open {
            file: File::create_new(self.folder.join(&name))?,
            name,
            before: None,
        };
        // Else the file might be gone after a power failure, and its name with it.
        let durable = open
            .file
            .sync_all()
            .and_then(|()| folder::sync(&self.folder));
        durable.inspect_err(|_| self.take_back(&open))?;
        Ok(open)
    }
}

/// How many files a text is written to before it is given up, because each was moved meanwhile.
const WRITES_MAX: u32 = 2;

fn date_of(now: Timestamp) -> String {
    let text = now.to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino(), one.len()) == (other.dev(), other.ino(), other.len())
}

#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    one.len() == other.len()
}

fn failed(error: io::Error) -> Error {
    let message = "the archive cannot be written or read";
    Error::new(ErrorKind::Unavailable, "archive_failed", message).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::store::{Key, Partition, Record, Version};

    fn line() -> String {
        let archived = Archived {
            partition: Partition::parse("market/order/1").expect("a valid id"),
            head: Version(9),
            at: Timestamp::from_micros(1_800_000_000_000_000),
            records: vec![Record {
                key: Key::root(),
                version: Version(9),
                value: r#"{"dish":"Lòngxiā"}"#.into(),
            }],
        };
        archived.to_line().expect("is JSON") + "\n"
    }

    const MORNING: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[test]
    fn nothing_is_written_to_a_file_of_an_earlier_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = FileArchive::in_folder(folder.path());
        let keep = |now| archive.0.append(&line(), now).expect("is kept");
        let first = keep(MORNING);
        assert_eq!(keep(MORNING), first);
        let day = std::time::Duration::from_secs(24 * 60 * 60);
        let second = keep(MORNING.plus(day));
        let read = |name: &str| FileArchive::read(folder.path().join(name)).map(Iterator::count);
        assert_eq!(read(&first).expect("reads"), 2);
        assert_eq!(read(&second).expect("reads"), 1);
        assert!(first.starts_with("2027-01-15-") && second.starts_with("2027-01-16-"));
    }

    #[test]
    fn a_file_that_is_no_longer_as_it_was_left_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = FileArchive::in_folder(folder.path());
        let keep = || archive.0.append(&line(), MORNING).expect("is kept");
        for spoil in [
            |path: &Path| fs::remove_file(path).expect("removes"),
            |path: &Path| fs::rename(path, path.with_extension("gz")).expect("moves"),
            |path: &Path| fs::write(path, "").expect("empties"),
            |path: &Path| fs::write(path, line() + "half a li").expect("writes"),
        ] {
            let before = keep();
            spoil(&folder.path().join(&before));
            let after = keep();
            assert_ne!(before, after);
            assert_eq!(
                fs::read_to_string(folder.path().join(after)).ok(),
                Some(line())
            );
        }
    }

    #[test]
    fn a_name_that_is_another_files_by_now_is_not_that_of_the_file_that_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = FileArchive::in_folder(folder.path()).0;
        let Open { name, file, .. } = inner.create("2027-01-15").expect("creates");
        assert!(inner.stands(&name, &file).expect("looks"));
        let path = folder.path().join(&name);
        fs::remove_file(&path).expect("removes");
        assert!(!inner.stands(&name, &file).expect("looks"));
        fs::write(&path, "another").expect("writes");
        assert!(!inner.stands(&name, &file).expect("looks"));
    }

    #[test]
    fn what_was_torn_off_anywhere_is_passed_over() {
        let line = line();
        for end in 0..line.len() {
            let text = [line.as_bytes(), &line.as_bytes()[..end]].concat();
            let read: Result<Vec<_>, _> = aggregates_in(&text[..]).collect();
            assert_eq!(read.expect("reads").len(), 1, "torn after {end} bytes");
        }
    }

    #[test]
    fn a_line_that_is_not_text_is_corrupt_and_the_next_one_is_read() {
        let text = [b"\xFF\n", line().as_bytes()].concat();
        let read: Vec<_> = aggregates_in(&text[..]).collect();
        let error = read[0].as_ref().expect_err("is corrupt");
        assert_eq!(error.code(), "corrupt_record");
        assert!(read[1].is_ok() && read.len() == 2);
    }

    #[test]
    fn a_file_that_cannot_be_read_on_ends() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StaleNetworkFileHandle.into())
            }
        }
        let line = line();
        let file = BufReader::new(line.as_bytes().chain(Broken));
        let read: Vec<_> = aggregates_in(file).take(9).collect();
        assert_eq!(read.len(), 2);
        assert_eq!(
            read[1].as_ref().expect_err("fails").code(),
            "archive_failed"
        );
    }
}
