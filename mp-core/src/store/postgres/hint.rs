//! Hints that there is work to do, from this process and from others.

use std::{future::poll_fn, sync::Arc, task::ready, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    backoff::Backoff, connections::Connections, error::Failure, hosts::Hosts, queue::Job,
    quiet::Quiet,
};
use crate::store::{CommitId, SlotSet, StoreErrorKind, Write};

/// The shortest time between two notifications of a process. Notifying takes a lock that all who
/// notify in a cluster share while they commit, so it stands in no commit of ours.
const QUIET: Duration = Duration::from_millis(10);

/// The first and the longest pause before the listener connects anew.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

const NOTIFY: &str = "SELECT pg_notify('mp_work', $1)";
const LISTEN: &str = "LISTEN mp_work";

/// Tells that deliveries were committed whose time has come.
#[derive(Debug)]
pub(super) struct Hints {
    heard: watch::Sender<()>,
    /// What other processes are to be told of.
    untold: Notify,
    /// The slots in which there was none.
    quiet: Quiet,
    /// By which the notifications of this process are told from those of others.
    name: String,
}

impl Hints {
    pub(super) fn new() -> Self {
        Self {
            heard: watch::Sender::new(()),
            untold: Notify::new(),
            quiet: Quiet::default(),
            name: format!("{:032x}", CommitId::random().0),
        }
    }

    /// Gives hints if any of the commits that were applied wrote a delivery that is due by now.
    pub(super) fn consider(&self, applied: &[Job]) {
        self.quiet.end(slots_of(applied));
        if applied.iter().any(writes_due_work) {
            self.heard.send_replace(());
            self.untold.notify_one();
        }
    }

    /// Returns which slots had no work a short while ago.
    pub(super) const fn quiet(&self) -> &Quiet {
        &self.quiet
    }

    /// Returns what changes with each hint.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.heard.subscribe()
    }

    /// Starts to tell other processes, and to listen to them, until the tasks are dropped.
    pub(super) fn exchange(
        self: &Arc<Self>,
        hosts: &Arc<Hosts>,
        tls: &MakeRustlsConnect,
        connections: &Connections,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(self.clone().tell(connections.clone()));
        tasks.spawn(self.clone().listen(hosts.clone(), tls.clone()));
        tasks
    }

    async fn tell(self: Arc<Self>, connections: Connections) {
        loop {
            self.untold.notified().await;
            // A hint that gets lost is none.
            drop(connections.query(NOTIFY, &[&self.name]).await);
            sleep(QUIET).await;
        }
    }

    async fn listen(self: Arc<Self>, hosts: Arc<Hosts>, tls: MakeRustlsConnect) {
        let fresh = || Backoff::new(PAUSE_FIRST, PAUSE_MAX);
        let mut backoff = fresh();
        loop {
            let ended = match self.listener(&hosts, &tls).await {
                Ok(listener) => {
                    backoff = fresh();
                    listener.end().await.map_err(Failure::from)
                }
                Err(failure) => Err(failure),
            };
            if let Err(failure) = ended {
                let error = failure.store_error("listen", StoreErrorKind::Unavailable);
                tracing::debug!(%error, "no hints from other processes");
            }
            backoff.pause().await;
        }
    }

    /// Begins to listen, unless the server takes longer for it than connecting to it may take: the driver
    /// itself would wait for its words for ever.
    async fn listener(
        self: &Arc<Self>,
        hosts: &Hosts,
        tls: &MakeRustlsConnect,
    ) -> Result<Listener, Failure> {
        let begin = |config| self.clone().begin(config, tls.clone());
        let begun = timeout(hosts.patience(), hosts.begin(begin)).await;
        Ok(begun.map_err(Failure::silence)??)
    }

    async fn begin(
        self: Arc<Self>,
        config: Config,
        tls: MakeRustlsConnect,
    ) -> Result<Listener, Error> {
        let (client, mut connection) = config.connect(tls).await?;
        let hints = self;
        let mut messages = JoinSet::new();
        messages.spawn(poll_fn(move |context| {
            while let Some(message) = ready!(connection.poll_message(context)) {
                match message {
                    Ok(AsyncMessage::Notification(note)) if note.payload() != hints.name => {
                        hints.quiet.end(SlotSet::ALL);
                        hints.heard.send_replace(());
                    }
                    Ok(_) => {}
                    Err(error) => return Err(error).into(),
                }
            }
            Ok(()).into()
        }));
        client.batch_execute(LISTEN).await?;
        Ok(Listener {
            messages,
            _client: client,
        })
    }
}

/// A session that listens, for as long as it is kept.
struct Listener {
    messages: JoinSet<Result<(), Error>>,
    _client: Client,
}

impl Listener {
    /// Waits until the session ends, and returns why.
    async fn end(mut self) -> Result<(), Error> {
        match self.messages.join_next().await {
            Some(Ok(ended)) => ended,
            _ => Ok(()),
        }
    }
}

/// Returns the slots that were written deliveries in, due or not.
fn slots_of(jobs: &[Job]) -> SlotSet {
    jobs.iter()
        .filter(|job| {
            let mut writes = job.batch.writes.iter();
            writes.any(|write| matches!(write, Write::Deliver { .. }))
        })
        .map(|job| job.partition.slot())
        .fold(SlotSet::NONE, SlotSet::with)
}

fn writes_due_work(job: &Job) -> bool {
    let mut writes = job.batch.writes.iter();
    writes.any(|write| matches!(write, Write::Deliver { due_at, .. } if *due_at <= job.batch.at))
}
