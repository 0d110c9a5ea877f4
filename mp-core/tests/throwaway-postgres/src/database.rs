use std::{fmt, thread};

use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls};
use url::Url;

use crate::Server;

/// An empty database; on a server that is not ours it is dropped in the end.
pub struct Database {
    url: Url,
    home: Home,
}

/// The server that a database is on.
#[derive(Clone)]
pub(crate) enum Home {
    /// A private one, which lives for as long as its databases.
    Private(Server),
    /// Somebody's, reached through a database that was there before.
    Given(Url),
}

impl Database {
    pub(crate) async fn create(home: Home) -> Self {
        let maintenance = home.maintenance_url();
        let letters = std::iter::repeat_with(fastrand::lowercase).take(16);
        let name = format!("mp_test_{}", letters.collect::<String>());
        // Nobody is ever connected to template0, so many can be made at the same time.
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        let created = execute(&maintenance, &sql).await;
        created.expect("the server makes a database");
        let url = with_name(&maintenance, &name);
        Self { url, home }
    }

    pub(crate) fn existing(server: Server, name: &str) -> Self {
        let url = with_name(&server.socket_url(), name);
        let home = Home::Private(server);
        Self { url, home }
    }

    /// Returns its URL: on a private server, over the socket.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Returns its URL over TCP, with the password, if its server is private and listens there.
    #[must_use]
    pub fn tcp_url(&self) -> Option<String> {
        match &self.home {
            Home::Private(server) => Some(with_name(&server.tcp_url()?, self.name()).into()),
            Home::Given(_) => None,
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.url.path().trim_start_matches('/')
    }

    /// Connects to it.
    ///
    /// # Panics
    ///
    /// If the server does not let us in.
    pub async fn client(&self) -> Client {
        let client = self.try_client().await;
        client.expect("the database takes a connection")
    }

    /// Connects to it, if the server lets us in.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn try_client(&self) -> Result<Client, tokio_postgres::Error> {
        connect(&self.url).await
    }

    /// Breaks off every other session on it, and returns how many there were.
    ///
    /// # Panics
    ///
    /// If the server does not let us.
    pub async fn terminate_backends(&self) -> i64 {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND backend_type = 'client backend'
                     AND pid <> pg_backend_pid()";
        let row = self.client().await.query_one(sql, &[]).await;
        row.expect("the role may break off its own sessions").get(0)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.name())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Home::Given(url) = self.home.clone() else {
            return;
        };
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name());
        // A thread of its own: this one may be in the middle of a runtime.
        let dropped = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(execute(&url, &sql)))
        });
        let _ = dropped.join();
    }
}

impl Home {
    /// Returns the URL of the database that others are made and dropped through.
    fn maintenance_url(&self) -> Url {
        match self {
            Self::Private(server) => with_name(&server.socket_url(), "postgres"),
            Self::Given(url) => url.clone(),
        }
    }
}

async fn execute(url: &Url, sql: &str) -> Result<(), tokio_postgres::Error> {
    connect(url).await?.batch_execute(sql).await
}

async fn connect(url: &Url) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn with_name(url: &Url, name: &str) -> Url {
    let mut url = url.clone();
    url.set_path(name);
    url
}
