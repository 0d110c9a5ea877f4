//! Several hosts in the URL, of which one says nothing: neither refuses it, nor lets it anybody in.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use mp_core::store::PostgresStore;
use throwaway_postgres::{Database, ServerOptions, server};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use url::Url;

use crate::tally::{Tally, hasty};

/// How long a store tries to connect: each of two hosts has half of it.
const PATIENCE: Duration = Duration::from_secs(6);

/// The silent host's share once, and what this machine needs for a few sessions. The share of one session
/// more would not fit in.
const CONNECT_MAX: Duration = Duration::from_millis(3_000 + 2_900);

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_accepts_and_says_nothing_hides_no_other() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let address = silent.local_addr().expect("has an address");
    let test = "a_host_that_accepts_and_says_nothing_hides_no_other";
    hides_no_other(test, address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_accept_hides_no_other() {
    let (full, _kept) = full_host().await;
    let test = "a_host_that_does_not_accept_hides_no_other";
    hides_no_other(test, full).await;
}

async fn hides_no_other(test: &str, first: SocketAddr) {
    let Some(server) = server(test, &ServerOptions::default().with_tcp()) else {
        return;
    };
    let database = server.create_database().await;
    // The tables are there: making them may take its time.
    Tally::connect(&database, hasty()).await;
    let url: Url = database.tcp_url().expect("listens").parse().expect("a URL");
    let there = format!(
        "{}:{}",
        url.host_str().expect("a host"),
        url.port().expect("a port")
    );
    let both = url.as_str().replace(&there, &format!("{first},{there}"));
    let options = hasty().with_connect_timeout(PATIENCE).with_notify(true);
    for url in [
        both.clone(),
        format!("{both}?target_session_attrs=read-write"),
    ] {
        let started = Instant::now();
        let store = PostgresStore::connect(&url, options.clone()).await;
        let tally = Tally::of(store.expect("connects"));
        tally.add(1, 0).await.expect("commits");
        let took = started.elapsed();
        assert!(took < CONNECT_MAX, "{url}: {took:?}");
        let listens = timeout(CONNECT_MAX, until_it_listens(&database)).await;
        listens.expect("it listens");
        drop(tally);
        database.terminate_backends().await;
    }
}

async fn until_it_listens(database: &Database) {
    let client = database.client().await;
    let sql = "SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND query = 'LISTEN mp_work'";
    while client.query(sql, &[]).await.expect("tells").is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Returns an address at which nobody answers any more, and what keeps it so.
async fn full_host() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    socket.bind(any).expect("binds");
    let listener = socket.listen(1).expect("listens");
    let address = listener.local_addr().expect("has an address");
    let mut waiting = Vec::new();
    while let Ok(let_in) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(let_in.expect("waits to be let in"));
    }
    (address, (listener, waiting))
}
