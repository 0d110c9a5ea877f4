use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal};
use url::Url;

use crate::{
    Database, ServerOptions, account::Account, binaries::Binaries, database::Home, frozen::Frozen,
    keeper::Keeper, postmaster::Postmaster,
};

/// The one role of a private server.
const ROLE: &str = "mp";

/// The port in the socket's name, where there is no other.
const PORT: u16 = 5432;

/// A private server; [dropped](Drop), it is stopped and its folder removed.
///
/// It is cheap to clone, and its databases hold it: the last of them ends it.
#[derive(Clone, Debug)]
pub struct Server(Arc<Cluster>);

#[derive(Debug)]
struct Cluster {
    postmaster: Mutex<Option<Postmaster>>,
    account: Account,
    binaries: Binaries,
    folder: PathBuf,
    port: u16,
    tcp: bool,
    password: String,
    /// Dropped last: it removes the folder.
    _keeper: Keeper,
}

/// How a server comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are broken off and their transactions rolled back; then the data is written out.
    Fast,
    /// Everything is dropped where it stands; the next start recovers from the log.
    Immediate,
    /// `kill -9` of its first process: the others find out for themselves.
    Kill,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its programs were not found.
    #[error("there is no PostgreSQL: install it, on Debian the package postgresql")]
    NotInstalled,
    /// A file or a process failed.
    #[error("PostgreSQL cannot be set up: {0}")]
    Failed(#[from] io::Error),
}

impl Server {
    /// Makes a cluster and starts a server on it.
    ///
    /// # Errors
    ///
    /// [`StartError::NotInstalled`] if its programs are not found, else [`StartError::Failed`].
    pub fn start(options: &ServerOptions) -> Result<Self, StartError> {
        let cluster = Cluster::prepare(options, password())?;
        cluster.initialise(options)?;
        cluster.start()?;
        Ok(Self(Arc::new(cluster)))
    }

    /// Copies this server, which must run, and starts the copy as a standby that follows it; it has
    /// the same role and password, and the same databases by their [names](Self::database).
    ///
    /// That commits wait for it is for the caller to set, once it runs: `synchronous_standby_names`.
    ///
    /// # Errors
    ///
    /// [`StartError::Failed`].
    pub fn start_standby(&self, options: &ServerOptions) -> Result<Self, StartError> {
        let cluster = Cluster::prepare(options, self.0.password.clone())?;
        cluster.copy(&self.0)?;
        cluster.configure(options)?;
        cluster.start()?;
        Ok(Self(Arc::new(cluster)))
    }

    /// Returns a database that is there already.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        Database::existing(self.clone(), name)
    }

    /// Makes an empty database.
    ///
    /// # Panics
    ///
    /// If the server is stopped or refuses.
    pub async fn create_database(&self) -> Database {
        Database::create(Home::Private(self.clone())).await
    }

    /// Ends the server and starts it again, on the same data.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&self, stop: Stop) {
        self.stop(stop);
        self.start_again();
    }

    /// Ends the server; nothing happens if it has ended.
    ///
    /// # Panics
    ///
    /// If it cannot be signalled.
    pub fn stop(&self, stop: Stop) {
        self.0.stop(stop).expect("the server can be signalled");
    }

    /// Starts the server after a [`stop`](Self::stop), and waits until it has recovered.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_again(&self) {
        if let Err(error) = self.0.start() {
            panic!("{error}: {}", self.log());
        }
    }

    /// Freezes the server with the sessions that there are: whoever asks it anything hears nothing, not
    /// even a refusal, until what this returns is dropped.
    ///
    /// # Panics
    ///
    /// If the server does not run, or cannot be signalled.
    pub async fn freeze(&self) -> Frozen {
        let client = self.database("postgres").client().await;
        let sql = "SELECT pid FROM pg_stat_activity
                   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let rows = client.query(sql, &[]).await;
        let rows = rows.expect("a role may see its own sessions");
        let sessions = rows.iter().filter_map(|row| Pid::from_raw(row.get(0)));
        let first = self.0.postmaster().as_ref().and_then(Postmaster::pid);
        let frozen = Frozen::new(self, first.into_iter().chain(sessions).collect());
        frozen.expect("the server can be signalled")
    }

    /// Returns the folder that goes with the server; it belongs to who runs the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Returns the server's log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.0.folder.join("log")).unwrap_or_default()
    }

    pub(crate) fn socket_url(&self) -> Url {
        let folder = self.0.folder.to_string_lossy().replace('/', "%2F");
        parse(&format!("postgres://{ROLE}@{folder}:{}/", self.0.port))
    }

    pub(crate) fn tcp_url(&self) -> Option<Url> {
        let Cluster {
            password,
            port,
            tcp,
            ..
        } = &*self.0;
        tcp.then(|| parse(&format!("postgres://{ROLE}:{password}@127.0.0.1:{port}/")))
    }
}

impl Cluster {
    /// Makes a folder for a cluster, and sees to it that it is removed.
    fn prepare(options: &ServerOptions, password: String) -> Result<Self, StartError> {
        let binaries = Binaries::find().ok_or(StartError::NotInstalled)?;
        // The path of a socket has room for 107 bytes.
        let folder = tempfile::Builder::new().prefix("pg").tempdir()?;
        let account = Account::choose(folder.path())?;
        account.give(folder.path())?;
        let keeper = Keeper::start(account, folder.path())?;
        Ok(Self {
            postmaster: Mutex::default(),
            account,
            binaries,
            folder: folder.keep(),
            port: if options.tcp { free_port()? } else { PORT },
            tcp: options.tcp,
            password,
            _keeper: keeper,
        })
    }

    fn initialise(&self, options: &ServerOptions) -> io::Result<()> {
        let password_file = self.folder.join("password");
        self.write(&password_file, &self.password)?;
        let mut command = self.account.command(self.binaries.initdb(), &self.folder);
        command.arg("--pgdata").arg(self.folder.join("data"));
        command.arg("--pwfile").arg(&password_file);
        command.args(["--username", ROLE, "--encoding=UTF8", "--locale=C"]);
        // Whoever asks for durability gets it from the first checkpoint on.
        command.args(["--auth=trust", "--no-sync"]);
        run(command)?;
        self.configure(options)
    }

    /// Takes a copy of a running server's data, which says that it is a standby, and whose.
    fn copy(&self, primary: &Self) -> io::Result<()> {
        let binary = self.binaries.pg_basebackup();
        let mut command = self.account.command(binary, &self.folder);
        command.arg("--pgdata").arg(self.folder.join("data"));
        command.arg("--host").arg(&primary.folder);
        command.args(["--port", &primary.port.to_string(), "--username", ROLE]);
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        run(command)
    }

    fn configure(&self, options: &ServerOptions) -> io::Result<()> {
        let data = self.folder.join("data");
        let folder = self.folder.to_string_lossy();
        self.write(
            &data.join("postgresql.conf"),
            &options.configuration(&folder, self.port),
        )?;
        self.write(&data.join("pg_hba.conf"), &options.access())?;
        if let Some(certificate) = &options.certificate {
            self.write(&data.join("server.crt"), &certificate.chain)?;
            self.write(&data.join("server.key"), &certificate.key)?;
        }
        Ok(())
    }

    /// Writes a file that only the server may read: it refuses a key that others can.
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        fs::write(path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        self.account.give(path)
    }

    fn start(&self) -> io::Result<()> {
        let mut postmaster = self.postmaster();
        if postmaster.is_none() {
            *postmaster = Some(Postmaster::start(
                self.account,
                &self.binaries,
                &self.folder,
            )?);
        }
        Ok(())
    }

    fn stop(&self, stop: Stop) -> io::Result<()> {
        let signal = match stop {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
            Stop::Kill => Signal::KILL,
        };
        match self.postmaster().take() {
            Some(postmaster) => postmaster.end(signal),
            None => Ok(()),
        }
    }

    fn postmaster(&self) -> MutexGuard<'_, Option<Postmaster>> {
        self.postmaster
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The keeper is not this process's parent and cannot tell a dead child from a living one.
        let _ = self.stop(Stop::Immediate);
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
    }
}

fn run(mut command: Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(said))
}

fn parse(url: &str) -> Url {
    Url::parse(url).expect("made of a role, a percent-encoded folder or address, and a port")
}

/// Returns a port that nobody listens on at present.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn password() -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(20)
        .collect()
}
