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
    /// `archive_failed` if the file cannot be opened; per line, `archive_failed` or
    /// `corrupt_record`.
    pub fn read(
        file: impl AsRef<Path>,
    ) -> Result<impl Iterator<Item = Result<Archived, Error>>, Error> {
        let mut file = BufReader::new(File::open(file).map_err(failed)?);
        Ok(std::iter::from_fn(move || {
            let mut line = String::new();
            match file.read_line(&mut line) {
                Ok(_) => line.strip_suffix('\n').map(Archived::from_line),
                Err(error) => Some(Err(failed(error))),
            }
        }))
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
