use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

/// The user that the server runs as: PostgreSQL refuses to be root.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// Whoever runs this process.
    Own,
    /// Somebody else, whom root may become.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Chooses the account; `folder` was made by this process, which tells who runs it.
    pub(crate) fn choose(folder: &Path) -> io::Result<Self> {
        if fs::metadata(folder)?.uid() != 0 {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| find(&users, name))
            .ok_or_else(|| io::Error::other("root needs a user postgres or nobody to run it as"))
    }

    /// Returns a command that runs as this account, in `folder`.
    pub(crate) fn command(self, program: impl AsRef<Path>, folder: &Path) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(folder);
        if let Self::Other { uid, gid } = self {
            // The standard library drops the other groups of root with it.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes the account the owner of a file or a folder.
    pub(crate) fn give(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }
}

/// Finds a user in the lines of passwd(5), `name:password:uid:gid:…`.
fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let mut number = || fields.next()?.parse::<u32>().ok();
        let (_password, uid, gid) = (number(), number()?, number()?);
        found.then_some(Account::Other { uid, gid })
    })
}
