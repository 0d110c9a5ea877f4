use std::{
    fmt,
    num::NonZeroUsize,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Timeouts,
};
use tokio::time::timeout;
use tokio_postgres::{
    Config, Error, Row,
    config::{SslMode, TargetSessionAttrs},
    types::ToSql,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    backoff::Backoff,
    distribution::Distribution,
    error::{Failure, Fate, is_passing},
    hosts::Hosts,
    options::PostgresOptions,
    refusal,
    session::Sessions,
    sslmode,
};
use crate::store::{StoreError, StoreErrorKind};

/// The first and the longest pause between two tries to connect.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long making a connection may take for what can be done without.
const FREE_MAX: Duration = Duration::from_millis(250);

/// How often a statement is tried that meets other transactions (40001, 40P01), and the first and
/// the longest pause between two tries.
const TRIES_MAX: u32 = 12;
const CONTENTION_FIRST: Duration = Duration::from_micros(500);
const CONTENTION_MAX: Duration = Duration::from_millis(50);

/// How much longer than the server itself we wait for it to give up a statement.
const GRACE: Duration = Duration::from_secs(5);

/// How long one in haste waits for a row that somebody else holds: longer than a commit of another process
/// takes.
const HASTY_MAX: Duration = Duration::from_millis(50);

/// What a statement is given.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A bounded number of connections that are made when needed, and made anew when they break.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    distribution: Distribution,
    mode: SslMode,
    patience: Duration,
    silence_max: Duration,
    lock_timeout: Duration,
    hasty: bool,
}

impl Connections {
    pub(super) fn new(
        hosts: &Arc<Hosts>,
        tls: &MakeRustlsConnect,
        most: NonZeroUsize,
        options: &PostgresOptions,
        distribution: Distribution,
    ) -> Result<Self, StoreError> {
        // Whether a connection has broken is known without asking the server.
        let manager_config = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let sessions = Sessions::new(hosts, tls, settings(options, distribution));
        // It is the sessions that know with whom they begin.
        let manager = Manager::from_connect(Config::new(), sessions, manager_config);
        let pool = Pool::builder(manager)
            .max_size(most.get())
            .build()
            .map_err(|error| StoreError::new(StoreErrorKind::Invalid, "connect", error))?;
        Ok(Self {
            pool,
            distribution,
            mode: hosts.mode(),
            patience: hosts.patience(),
            silence_max: options.statement_timeout.saturating_add(GRACE),
            lock_timeout: options.lock_timeout,
            hasty: false,
        })
    }

    /// Returns on how many servers the tables are.
    pub(super) const fn distribution(&self) -> Distribution {
        self.distribution
    }

    /// Returns the same connections, for statements that wait no longer than a moment for what others
    /// hold.
    pub(super) fn hasty(&self) -> Self {
        Self {
            hasty: true,
            ..self.clone()
        }
    }

    /// Runs one statement, which is a transaction of its own; again if it meets others.
    pub(super) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let mut backoff = Backoff::new(CONTENTION_FIRST, CONTENTION_MAX);
        let mut tries = 1;
        loop {
            match self.query_once(sql, params).await {
                Err(failure) if failure.fate == Fate::Contended && tries < TRIES_MAX => {
                    tries += 1;
                    backoff.pause().await;
                }
                answer => return answer,
            }
        }
    }

    /// Runs a statement that writes, as [`query`](Self::query) does.
    ///
    /// On Citus the one who answers is not the one who writes: a coordinator that gives up waiting
    /// for a worker does not know what became of the statement.
    pub(super) async fn write(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let answer = self.query(sql, params).await;
        match self.distribution {
            Distribution::Single => answer,
            Distribution::BySlot => answer.map_err(Failure::by_proxy),
        }
    }

    /// Runs a statement that only reads: if its connection has ended, again on another one.
    pub(super) async fn read(
        &self,
        op: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        // After a restart of the server every idle connection may be a broken one.
        let mut tries = self.pool.status().max_size;
        loop {
            match self.query(sql, params).await {
                Err(failure) if failure.found_session_ended() && tries > 0 => tries -= 1,
                answer => {
                    let unavailable = StoreErrorKind::Unavailable;
                    return answer.map_err(|failure| failure.store_error(op, unavailable));
                }
            }
        }
    }

    async fn query_once(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let connection = self.get().await?;
        let answer = self.ask(&connection, sql, params).await;
        if answer.as_ref().is_err_and(Failure::ends_session) {
            drop(Object::take(connection));
        }
        answer
    }

    async fn ask(
        &self,
        connection: &Object,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.answer(connection.prepare_cached(sql)).await;
        let statement = statement.map_err(Failure::before_sending)?;
        let answer = connection.query(&statement, params);
        match self.hasty {
            true => self.answer(self.in_haste(connection, answer)).await,
            false => self.answer(answer).await,
        }
    }

    /// Has a session wait for locks no longer than a moment while it carries out a statement.
    async fn in_haste<A>(
        &self,
        connection: &Object,
        answer: impl Future<Output = Result<A, Error>>,
    ) -> Result<A, Error> {
        let set = |wait| format!("SET lock_timeout = {}", millis(wait));
        let (hurry, usual) = (
            set(HASTY_MAX.min(self.lock_timeout)),
            set(self.lock_timeout),
        );
        // In this order they are sent, so the session is as it was whatever comes of the statement.
        let (_, answer, _) = tokio::join!(
            biased;
            connection.batch_execute(&hurry),
            answer,
            connection.batch_execute(&usual),
        );
        answer
    }

    /// Waits for the server's answer for as long as a silence may be.
    ///
    /// In two parts: when this process itself, or its machine, was stopped for longer than that,
    /// the first ends at once, and the answer that has come meanwhile is read in the second.
    pub(super) async fn answer<A>(
        &self,
        answer: impl Future<Output = Result<A, Error>>,
    ) -> Result<A, Failure> {
        let mut answer = pin!(answer);
        let part = self.silence_max / 2;
        let in_time = match timeout(part, answer.as_mut()).await {
            Err(_) => timeout(part, answer).await,
            in_time => in_time,
        };
        in_time.map_err(Failure::silence)?.map_err(Failure::from)
    }

    /// Waits for what the server is asked in a row for as long as a silence may be.
    pub(super) async fn in_time<A>(
        &self,
        op: &'static str,
        answers: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<A, StoreError> {
        let silence =
            |error| Err(Failure::silence(error).store_error(op, StoreErrorKind::Unavailable));
        timeout(self.silence_max, answers)
            .await
            .unwrap_or_else(silence)
    }

    /// Returns a connection, or why there is none once the patience is at its end.
    pub(super) async fn get(&self) -> Result<Object, Failure> {
        let started = Instant::now();
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_MAX);
        loop {
            let left = self.patience.saturating_sub(started.elapsed());
            // The pool itself would wait for ever for a new session to take its settings.
            let error = match timeout(left, self.pool.get()).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error,
                Err(_) => return Err(Failure::new(Fate::NotRun, self.none_in_time())),
            };
            if !may_pass(&error) || started.elapsed() + PAUSE_FIRST > self.patience {
                let error = refusal::explained(error, self.mode);
                return Err(Failure::new(Fate::NotRun, error));
            }
            tracing::debug!(%error, "no connection yet");
            backoff.pause().await;
        }
    }

    /// Returns a connection that nobody uses, if there is one, or one more is soon made.
    pub(super) async fn free(&self) -> Option<Object> {
        let at_once = Timeouts {
            wait: Some(Duration::ZERO),
            ..Timeouts::default()
        };
        let connection = timeout(FREE_MAX, self.pool.timeout_get(&at_once));
        connection.await.ok()?.ok()
    }

    fn none_in_time(&self) -> String {
        let patience = self.patience;
        format!("no connection was free, or could be made, within {patience:?}")
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the pool itself, which knows the password.
        write!(f, "Connections({:?})", self.pool.status())
    }
}

fn may_pass(error: &PoolError) -> bool {
    refusal::cause(error).is_some_and(is_passing)
}

/// What each session is told before anything else.
///
/// All our statements go by a key, but to a planner that meets the tables while they are small any
/// other way looks as good, and it keeps a plan for as long as the session lasts: hence the ways
/// that are never right on large tables are closed to it.
///
/// Citus decides where a statement goes when it plans it, by the slot that is asked for: a plan that
/// is made before that is known is of no use to it.
///
/// What is told as committed is on the disk, whatever the server, the database or the role prescribe.
fn settings(options: &PostgresOptions, distribution: Distribution) -> String {
    let plans = match distribution {
        Distribution::Single => "force_generic_plan",
        Distribution::BySlot => "auto",
    };
    let mut settings = format!(
        "SET plan_cache_mode = {plans};
         SET enable_seqscan = off;
         SET enable_bitmapscan = off;
         SET enable_hashjoin = off;
         SET enable_mergejoin = off;
         SET enable_sort = off;
         SET jit = off;
         SET client_min_messages = error;
         SET statement_timeout = {};
         SET lock_timeout = {};
         {};",
        millis(options.statement_timeout),
        millis(options.lock_timeout),
        waiting_for_the_disk(Span::Session),
    );
    if let Some(schema) = &options.schema {
        settings += &format!("SET search_path = {};", quoted(schema));
    }
    settings
}

/// For how long a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Session,
    Transaction,
}

/// Returns the statement that has a COMMIT wait until it is on the disk, where it would not.
///
/// How much more it waits for, such as a standby, stays as the operator has set it.
pub(super) fn waiting_for_the_disk(span: Span) -> String {
    let is_local = span == Span::Transaction;
    format!(
        "SELECT set_config('synchronous_commit', 'on', {is_local})
         WHERE current_setting('synchronous_commit') = 'off'"
    )
}

/// Returns a timeout as the server takes it, to which zero means none.
fn millis(span: Duration) -> u128 {
    span.as_millis().clamp(1, i32::MAX.unsigned_abs().into())
}

/// Quotes a name for use in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads a URL or a connection string of the form `key=value`.
pub(super) fn parse(url: &str, options: &PostgresOptions) -> Result<Config, StoreError> {
    let invalid = |error: Error| StoreError::new(StoreErrorKind::Invalid, "connect", error);
    let mut config: Config = sslmode::known(url).parse().map_err(invalid)?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(StoreError::invalid("connect", "the URL names no host"));
    }
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    // Else a session may be with a standby, which takes no commits, and tells what was true a while ago.
    if hosts > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    config
        .tcp_user_timeout(options.statement_timeout)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3);
    if config.get_application_name().is_none() {
        config.application_name("mp");
    }
    Ok(config)
}
