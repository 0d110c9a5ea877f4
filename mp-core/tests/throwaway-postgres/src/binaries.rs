use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where Debian and Ubuntu keep each major version's programs, which they leave off the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder with `initdb` and `postgres`.
#[derive(Clone, Debug)]
pub(crate) struct Binaries(PathBuf);

impl Binaries {
    /// Looks on the path, then where Debian keeps them, newest first, then where `pg_config` says.
    pub(crate) fn find() -> Option<Self> {
        on_path()
            .into_iter()
            .chain(of_debian())
            .chain(by_pg_config())
            .find(|folder| is_complete(folder))
            .map(Self)
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.0.join("initdb")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// A client's program, which may stand elsewhere.
    pub(crate) fn pg_basebackup(&self) -> PathBuf {
        let beside = self.0.join("pg_basebackup");
        if beside.is_file() {
            beside
        } else {
            "pg_basebackup".into()
        }
    }
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .into_iter()
        .all(|program| folder.join(program).is_file())
}

fn on_path() -> Vec<PathBuf> {
    env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

fn of_debian() -> Vec<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// Asks last: it starts a process.
fn by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim()))
}
