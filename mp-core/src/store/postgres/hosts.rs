//! The servers that a URL names, of which one is wanted: a primary and its standbys, for instance.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::timeout;
use tokio_postgres::{
    Config, Error,
    config::{Host as Address, LoadBalanceHosts, SslMode},
};

use crate::store::{CommitId, StoreError};

/// For how long a host that has kept somebody waiting is asked after the others.
const LAST_FOR: Duration = Duration::from_secs(60);

/// The hosts in the order of the URL, each with a configuration of its own.
///
/// The driver would give each of several hosts all the time that there is, and to one that accepts and
/// says nothing as much as it likes: nobody would ever get to the next.
#[derive(Debug)]
pub(super) struct Hosts {
    hosts: Vec<Host>,
    shuffled: bool,
    mode: SslMode,
    patience: Duration,
}

#[derive(Debug)]
struct Host {
    config: Config,
    /// When it last took so long that the others were not to wait for it.
    silent_at: Mutex<Option<Instant>>,
}

impl Hosts {
    /// Takes a configuration apart; getting a session from one of them may take so long.
    ///
    /// # Errors
    ///
    /// `Invalid` if it has other numbers of addresses or ports than of hosts.
    pub(super) fn new(config: &Config, patience: Duration) -> Result<Self, StoreError> {
        let (names, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        let count = names.max(addresses);
        let ports = config.get_ports().len();
        let fit = |number: usize| number == 0 || number == count;
        if !fit(names) || !fit(addresses) || (ports != 1 && !fit(ports)) {
            let problem = "the URL names other numbers of hosts, addresses and ports";
            return Err(StoreError::invalid("connect", problem));
        }
        let share = share(patience, count);
        let host = |position| Host {
            config: alone(config, position, share / 2),
            silent_at: Mutex::new(None),
        };
        Ok(Self {
            hosts: (0..count).map(host).collect(),
            shuffled: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            mode: config.get_ssl_mode(),
            patience,
        })
    }

    /// Returns what is secure.
    pub(super) const fn mode(&self) -> SslMode {
        self.mode
    }

    /// Returns how long getting a session may take, whoever gives it.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Begins a session with the first host that lets us, each of which has its share of the patience
    /// for all that belongs to it.
    ///
    /// If all stay silent it does so as well, until whoever asks has no patience left.
    ///
    /// # Errors
    ///
    /// What the last host said that said anything.
    pub(super) async fn begin<S, F>(&self, begin: impl Fn(Config) -> F) -> Result<S, Error>
    where
        F: Future<Output = Result<S, Error>>,
    {
        let share = share(self.patience, self.hosts.len());
        let mut refusal = None;
        for host in self.in_turn() {
            let asked = Instant::now();
            let begun = timeout(share, begin(host.config.clone())).await;
            // A socket that is not made has half of the share. A slow host that lets us in is not silent:
            // taken for it, it would come behind one that is.
            let silent = !matches!(begun, Ok(Ok(_))) && asked.elapsed() >= share / 2;
            host.note(silent.then_some(asked));
            match begun {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(error)) => refusal = Some(error),
                Err(_) => tracing::debug!(host = ?host.config.get_hosts(), "a host stays silent"),
            }
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None => std::future::pending().await,
        }
    }

    /// Returns the hosts in the order in which they are asked: those that were silent lately come last.
    fn in_turn(&self) -> Vec<&Host> {
        let mut hosts: Vec<&Host> = self.hosts.iter().collect();
        if self.shuffled {
            hosts.sort_by_cached_key(|_| CommitId::random().0);
        }
        hosts.sort_by_cached_key(|host| host.was_silent());
        hosts
    }
}

impl Host {
    fn note(&self, silent_at: Option<Instant>) {
        *self
            .silent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = silent_at;
    }

    fn was_silent(&self) -> bool {
        let silent_at = *self
            .silent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        silent_at.is_some_and(|at| at.elapsed() < LAST_FOR)
    }
}

fn share(patience: Duration, hosts: usize) -> Duration {
    patience / u32::try_from(hosts.max(1)).unwrap_or(u32::MAX)
}

/// Returns the configuration with one of its hosts alone, whose sockets have so long to be made: its name
/// may stand for several addresses.
fn alone(all: &Config, position: usize, socket: Duration) -> Config {
    let mut one = like(all);
    match all.get_hosts().get(position) {
        Some(Address::Tcp(name)) => drop(one.host(name)),
        #[cfg(unix)]
        Some(Address::Unix(folder)) => drop(one.host_path(folder)),
        None => {}
    }
    if let Some(address) = all.get_hostaddrs().get(position) {
        one.hostaddr(*address);
    }
    let ports = all.get_ports();
    if let Some(port) = ports.get(position).or_else(|| ports.first()) {
        one.port(*port);
    }
    one.connect_timeout(socket);
    one
}

/// Returns all of a configuration but its hosts, which cannot be taken out of it.
fn like(all: &Config) -> Config {
    let mut like = Config::new();
    like.ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs())
        .load_balance_hosts(all.get_load_balance_hosts())
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle());
    all.get_user().map(|user| like.user(user));
    all.get_password().map(|password| like.password(password));
    all.get_dbname().map(|name| like.dbname(name));
    all.get_options().map(|options| like.options(options));
    all.get_application_name()
        .map(|name| like.application_name(name));
    all.get_tcp_user_timeout()
        .map(|timeout| like.tcp_user_timeout(*timeout));
    all.get_keepalives_interval()
        .map(|interval| like.keepalives_interval(interval));
    all.get_keepalives_retries()
        .map(|retries| like.keepalives_retries(retries));
    like
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{PostgresOptions, postgres::connections::parse};

    const PATIENCE: Duration = Duration::from_secs(6);

    fn config(url: &str) -> Config {
        parse(url, &PostgresOptions::default()).expect("is a URL")
    }

    #[test]
    fn a_host_alone_is_asked_for_all_that_the_url_says() {
        let all = "postgres://mp:secret@db.example:6432/market?sslmode=require&application_name=stall\
            &sslnegotiation=direct&channel_binding=require&target_session_attrs=read-write\
            &load_balance_hosts=random&keepalives=0&keepalives_idle=7&options=-c%20geqo%3Doff\
            &hostaddr=192.0.2.1";
        for url in [all, "host=/run/postgresql user=mp", "host=db.example"] {
            let mut known = config(url);
            let alone = &Hosts::new(&known, PATIENCE).expect("fits").hosts[0].config;
            assert_eq!(alone, known.connect_timeout(PATIENCE / 2), "{url}");
        }
    }

    #[test]
    fn each_host_has_its_own_name_address_and_port() {
        for (url, expected) in [
            ("host=a,b port=1,2", ["a 1", "b 2"]),
            ("host=a,b port=3", ["a 3", "b 3"]),
            ("postgres://a:1,b:2/market", ["a 1", "b 2"]),
        ] {
            let hosts = Hosts::new(&config(url), PATIENCE).expect("fits");
            let named = |host: &Host| match (host.config.get_hosts(), host.config.get_ports()) {
                ([Address::Tcp(name)], [port]) => format!("{name} {port}"),
                other => format!("{other:?}"),
            };
            let named: Vec<String> = hosts.hosts.iter().map(named).collect();
            assert_eq!(named, expected, "{url}");
        }
        for url in ["host=a,b,c port=1,2", "host=a,b hostaddr=192.0.2.1"] {
            let refused = Hosts::new(&config(url), PATIENCE).expect_err("does not fit");
            assert_eq!(
                refused.kind(),
                crate::store::StoreErrorKind::Invalid,
                "{url}"
            );
        }
    }

    #[test]
    fn a_silent_host_comes_after_the_others_until_it_has_answered() {
        let hosts = Hosts::new(&config("host=a,b,c port=1,2,3"), PATIENCE).expect("fits");
        let order = || -> Vec<u16> {
            let hosts = hosts.in_turn().into_iter();
            hosts.map(|host| host.config.get_ports()[0]).collect()
        };
        assert_eq!(order(), [1, 2, 3]);
        hosts.hosts[0].note(Some(Instant::now()));
        assert_eq!(order(), [2, 3, 1]);
        hosts.hosts[0].note(None);
        assert_eq!(order(), [1, 2, 3]);
    }
}
