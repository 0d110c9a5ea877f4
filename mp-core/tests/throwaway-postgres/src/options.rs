use std::fmt;

/// How a [`Server`](crate::Server) is set up.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Whether what is committed is on the disk; no unless set: a test that does not ask for
    /// durability need not wait for it. The death of the server's processes loses nothing either
    /// way, only that of the machine does.
    pub durable: bool,
    /// Whether it also listens on a TCP port of localhost, where it demands the password that
    /// [`Database::tcp_url`](crate::Database::tcp_url) has; no unless set.
    pub tcp: bool,
    /// The certificate that it shows, and demands to be shown by TLS, over TCP; none unless set.
    pub certificate: Option<Certificate>,
    /// Further lines of `postgresql.conf`, name and value, later ones before earlier ones.
    pub settings: Vec<(String, String)>,
}

/// A server's certificate and private key, both PEM.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.chain)
            .field("key", &"***")
            .finish()
    }
}

impl ServerOptions {
    /// Puts on the disk what is committed: [`durable`](Self::durable).
    #[must_use]
    pub const fn with_durability(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Listens on a port of localhost too: [`tcp`](Self::tcp).
    #[must_use]
    pub const fn with_tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Listens on a port of localhost and lets nobody in there without TLS:
    /// [`certificate`](Self::certificate).
    #[must_use]
    pub fn with_tls(mut self, chain: impl Into<String>, key: impl Into<String>) -> Self {
        let (chain, key) = (chain.into(), key.into());
        self.certificate = Some(Certificate { chain, key });
        self.with_tcp()
    }

    /// Adds a line of `postgresql.conf`: [`settings`](Self::settings).
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns `postgresql.conf` for a server whose socket stands in `folder`.
    pub(crate) fn configuration(&self, folder: &str, port: u16) -> String {
        let mut lines = vec![
            setting("unix_socket_directories", folder),
            setting("listen_addresses", if self.tcp { "127.0.0.1" } else { "" }),
            setting("port", &port.to_string()),
            setting("max_connections", "200"),
            setting("password_encryption", "scram-sha-256"),
            setting("log_line_prefix", "%m [%p] "),
        ];
        if !self.durable {
            let off = |name| setting(name, "off");
            lines.extend(["fsync", "synchronous_commit", "full_page_writes"].map(off));
        }
        if self.certificate.is_some() {
            lines.push(setting("ssl", "on"));
        }
        lines.extend(
            self.settings
                .iter()
                .map(|(name, value)| setting(name, value)),
        );
        lines.concat()
    }

    /// Returns `pg_hba.conf`: who reaches the socket has reached a private folder.
    pub(crate) fn access(&self) -> String {
        let host = if self.certificate.is_some() {
            "hostssl"
        } else {
            "host"
        };
        format!(
            "local all all trust\nlocal replication all trust\n\
             {host} all all 127.0.0.1/32 scram-sha-256\n"
        )
    }
}

fn setting(name: &str, value: &str) -> String {
    format!("{name} = '{}'\n", value.replace('\'', "''"))
}
