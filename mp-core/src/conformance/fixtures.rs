//! Stored values of every kind and format that was ever written, read for ever.

use std::{
    collections::BTreeSet,
    error::Error as _,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::document::{self, Document};

/// A folder of stored values, one per file, and the kinds that a crate reads.
///
/// A fixture is added with each new format and never changed or deleted: a store out there still
/// holds such bytes.
///
/// ```
/// use mp_core::{conformance::Fixtures, steps::Plan};
///
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
/// let checked = Fixtures::in_folder(folder).with::<Plan>().check();
/// assert!(checked.is_err(), "there are other kinds in the folder, which nobody reads here");
/// ```
#[derive(Debug)]
pub struct Fixtures {
    folder: PathBuf,
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    name: &'static str,
    format: u32,
    rewrite: fn(&[u8]) -> Result<Value, String>,
}

impl Fixtures {
    /// Looks in a folder.
    pub fn in_folder(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
            kinds: Vec::new(),
        }
    }

    /// Reads values of this kind.
    #[must_use]
    pub fn with<D: Document>(mut self) -> Self {
        self.kinds.push(Kind {
            name: D::KIND,
            format: D::FORMAT,
            rewrite: rewrite::<D>,
        });
        self
    }

    /// Reads every fixture and writes it again, and returns how many there are.
    ///
    /// # Errors
    ///
    /// A sentence about each file that is of no kind given here, does not read, or loses something
    /// when it is written in the format it has; and about each format of a kind, from 1 to the
    /// present one, without a file.
    pub fn check(&self) -> Result<usize, Vec<String>> {
        let fixtures = self.read().map_err(|error| vec![error.to_string()])?;
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        for (name, bytes) in &fixtures {
            match self.check_one(bytes) {
                Ok(kind_and_format) => {
                    seen.insert(kind_and_format);
                }
                Err(problem) => problems.push(format!("{name} {problem}")),
            }
        }
        for kind in &self.kinds {
            let missing = (1..=kind.format).filter(|format| !seen.contains(&(kind.name, *format)));
            problems.extend(missing.map(|format| format!("{} {format} has no file", kind.name)));
        }
        if problems.is_empty() {
            Ok(fixtures.len())
        } else {
            Err(problems)
        }
    }

    fn read(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let entries = fs::read_dir(&self.folder)?;
        let read = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok((
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path())?,
            ))
        };
        entries.map(read).collect()
    }

    fn check_one(&self, bytes: &[u8]) -> Result<(&'static str, u32), String> {
        let stored: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let kind = self.kinds.iter().find(|kind| stored["kind"] == kind.name);
        let kind = kind.ok_or("is of a kind that nobody reads")?;
        let written = (kind.rewrite)(bytes)?;
        if stored["format"] == written["format"] && stored != written {
            return Err(format!("is written differently: {written}"));
        }
        let format = stored["format"]
            .as_u64()
            .and_then(|format| u32::try_from(format).ok());
        Ok((kind.name, format.ok_or("has no format number")?))
    }
}

fn rewrite<D: Document>(bytes: &[u8]) -> Result<Value, String> {
    let (value, newer) = document::decode::<D>(bytes).map_err(|error| match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })?;
    if newer.is_some() {
        return Err("is of a format that is not written yet".to_owned());
    }
    let written = document::encode(&value, None).map_err(|error| error.to_string())?;
    serde_json::from_slice(&written).map_err(|error| error.to_string())
}
