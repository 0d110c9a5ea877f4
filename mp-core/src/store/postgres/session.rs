//! A session as the pool has it made.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
};

use deadpool_postgres::Connect;
use futures_util::future::{Either, select};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::hosts::Hosts;

/// Begins sessions with one of several hosts.
pub(super) struct Sessions {
    hosts: Arc<Hosts>,
    tls: MakeRustlsConnect,
    settings: Arc<str>,
}

/// What the pool is given: the session, and the task that speaks with the server.
type Session = (Client, JoinHandle<()>);

impl Sessions {
    /// Has each session told these settings before anything else.
    pub(super) fn new(hosts: &Arc<Hosts>, tls: &MakeRustlsConnect, settings: String) -> Self {
        let (hosts, tls, settings) = (hosts.clone(), tls.clone(), settings.into());
        Self {
            hosts,
            tls,
            settings,
        }
    }
}

impl Connect for Sessions {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<Session, Error>> + Send + '_>> {
        let session = |config| begin(config, self.tls.clone(), self.settings.clone());
        Box::pin(self.hosts.begin(session))
    }
}

/// The settings belong to the beginning: a pooler may say who it is, and have no server behind it.
async fn begin(
    config: Config,
    tls: MakeRustlsConnect,
    settings: Arc<str>,
) -> Result<Session, Error> {
    let (client, mut connection) = config.connect(tls).await?;
    // No task of its own yet: what is given up by then leaves none behind.
    match select(pin!(client.batch_execute(&settings)), &mut connection).await {
        Either::Left((set, _)) => set?,
        Either::Right((ended, set)) => {
            ended?;
            set.await?;
        }
    }
    let speaking = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a session has ended");
        }
    });
    Ok((client, speaking))
}
