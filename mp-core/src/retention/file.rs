use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{Archive, Archived};
use crate::{
    clock::Timestamp,
    error::{Error, ErrorKind},
    store::CommitId,
};

/// An archive in a folder of files, one aggregate a line ([`Archived::to_line`]).
///
/// Each archive writes to a file of its own, `{date}-{random}.jsonl`, so that processes do not
/// meet; the name is short because every mark has it. It waits for the disk before it says that
/// something is kept. A host compresses and moves the files as it likes: nothing of the suite reads
/// them but [`read`](Self::read).
#[derive(Clone, Debug)]
pub struct FileArchive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// The file that is written to; none before the first line, and none after a failure.
    open: Mutex<Option<(String, File)>>,
}

impl FileArchive {
    /// Keeps aggregates in a folder, which is made if need be.
    #[must_use]
    pub fn in_folder(folder: impl AsRef<Path>) -> Self {
        Self(Arc::new(Inner {
            folder: folder.as_ref().to_owned(),
            open: Mutex::default(),
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
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Should writing fail, a line may be torn: the next one goes into a new file.
        let (name, mut file) = match open.take() {
            Some(open) => open,
            None => self.create(now)?,
        };
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        *open = Some((name.clone(), file));
        Ok(name)
    }

    fn create(&self, now: Timestamp) -> io::Result<(String, File)> {
        fs::create_dir_all(&self.folder)?;
        let date = now.to_string();
        let date = date.split('T').next().unwrap_or_default();
        // Should the name be taken, which is unlikely, the next sweep makes another.
        let random = CommitId::random().0 as u32;
        let name = format!("{date}-{random:08x}.jsonl");
        let file = File::create_new(self.folder.join(&name))?;
        file.sync_all()?;
        // Else the file might be gone after a power failure, and its name with it.
        #[cfg(unix)]
        File::open(&self.folder)?.sync_all()?;
        Ok((name, file))
    }
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
