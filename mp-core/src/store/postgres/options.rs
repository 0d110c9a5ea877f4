use std::{num::NonZeroUsize, time::Duration};

/// How a [`PostgresStore`](super::PostgresStore) is connected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// How many connections commit, each a group of partitions at a time; four unless set.
    pub lanes: NonZeroUsize,
    /// How many connections read and do due work beside them, and at most half of them give turns
    /// for which several processes contend; eight unless set.
    pub connections: NonZeroUsize,
    /// How long to try to get a connection, before answering `Unavailable`; five seconds unless
    /// set. Several hosts share it evenly, so that a silent one leaves time for the others.
    pub connect_timeout: Duration,
    /// How long the server works on one statement before it gives up and nothing is written; ten
    /// seconds unless set. A server that stays silent for longer is taken to be gone.
    pub statement_timeout: Duration,
    /// How long a statement waits for a row that somebody else holds; two seconds unless set. Commits
    /// that share one wait together, and those that nobody holds get through after it.
    pub lock_timeout: Duration,
    /// Whether processes tell each other of work by `LISTEN` and `NOTIFY`, on a connection more; no
    /// unless set. It only makes [`hints`](super::PostgresStore::hints) come from other processes
    /// too.
    pub notify: bool,
    /// The schema that the store's tables stand in, created if need be; the first of the
    /// `search_path` unless set.
    pub schema: Option<String>,
    /// The certificates, in PEM form, of the authorities that the server's certificate must go back
    /// to; those that the operating system trusts unless set.
    pub root_certificates: Option<Vec<u8>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        const LANES: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");
        const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");
        Self {
            lanes: LANES,
            connections: CONNECTIONS,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(2),
            notify: false,
            schema: None,
            root_certificates: None,
        }
    }
}

impl PostgresOptions {
    /// Returns the options with another number of [`lanes`](Self::lanes).
    #[must_use]
    pub const fn with_lanes(mut self, lanes: NonZeroUsize) -> Self {
        self.lanes = lanes;
        self
    }

    /// Returns the options with another number of [`connections`](Self::connections).
    #[must_use]
    pub const fn with_connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// Returns the options with another [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub const fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Returns the options with another [`statement_timeout`](Self::statement_timeout).
    #[must_use]
    pub const fn with_statement_timeout(mut self, statement_timeout: Duration) -> Self {
        self.statement_timeout = statement_timeout;
        self
    }

    /// Returns the options with another [`lock_timeout`](Self::lock_timeout).
    #[must_use]
    pub const fn with_lock_timeout(mut self, lock_timeout: Duration) -> Self {
        self.lock_timeout = lock_timeout;
        self
    }

    /// Returns the options with or without [`notify`](Self::notify).
    #[must_use]
    pub const fn with_notify(mut self, notify: bool) -> Self {
        self.notify = notify;
        self
    }

    /// Returns the options with a [`schema`](Self::schema).
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Returns the options with [`root_certificates`](Self::root_certificates) in PEM form.
    #[must_use]
    pub fn with_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }
}
