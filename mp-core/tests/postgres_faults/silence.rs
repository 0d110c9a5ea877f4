//! A server that says nothing, which no error tells: neither refuses it, nor does its connection end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mp_core::store::{PostgresStore, StoreErrorKind};
use throwaway_postgres::{ServerOptions, server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    time::{sleep, timeout},
};
use url::Url;

use crate::tally::{Tally, hasty, kind};

/// How long a [hasty] store takes a silence for work at most, which is five seconds more than its
/// statements may take, with a little for this machine.
const SILENCE_MAX: Duration = Duration::from_millis(500 + 5_000 + 2_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_holds_nobody_for_longer_than_one_silence() {
    let test = "a_silent_server_holds_nobody_for_longer_than_one_silence";
    let Some(server) = server(test, &ServerOptions::default()) else {
        return;
    };
    let database = server.create_database().await;
    let tally = Tally::connect(&database, hasty()).await;
    tally.add(1, 0).await.expect("commits");
    // All connections are warm.
    let counts = join_all((0..32).map(|_| tally.count(1))).await;
    assert!(
        counts
            .into_iter()
            .all(|count| count.is_ok_and(|count| count == 1))
    );

    let frozen = server.freeze().await;
    let started = Instant::now();
    let (read, commit, connected) = tokio::join!(
        tally.count(1),
        tally.begin(2),
        PostgresStore::connect(database.url(), hasty())
    );
    assert!(started.elapsed() < SILENCE_MAX, "{:?}", started.elapsed());
    assert_eq!(kind(read), StoreErrorKind::Unavailable);
    assert_eq!(kind(commit), StoreErrorKind::Unknown);
    assert_eq!(kind(connected), StoreErrorKind::Unavailable);

    drop(frozen);
    assert_eq!(tally.count(1).await.expect("reads"), 1);
    tally.add(1, 0).await.expect("commits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_while_a_store_connects_is_unavailable() {
    let test = "a_server_that_falls_silent_while_a_store_connects_is_unavailable";
    let Some(server) = server(test, &ServerOptions::default().with_tcp()) else {
        return;
    };
    let database = server.create_database().await;
    // The tables are there: making them may take its time.
    Tally::connect(&database, hasty()).await;
    let url: Url = database.tcp_url().expect("listens").parse().expect("a URL");
    let started = Instant::now();
    // Of fourteen or so.
    let connected = join_all((1..=8).map(async |answers| {
        let url = silent_after(&url, answers).await;
        PostgresStore::connect(url.as_str(), hasty()).await
    }));
    for (answers, connected) in (1..).zip(connected.await) {
        let kind = kind(connected);
        assert_eq!(kind, StoreErrorKind::Unavailable, "after {answers} answers");
    }
    assert!(started.elapsed() < SILENCE_MAX, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_to_whoever_listens_is_asked_anew() {
    let test = "a_server_that_says_nothing_to_whoever_listens_is_asked_anew";
    let Some(server) = server(test, &ServerOptions::default().with_tcp()) else {
        return;
    };
    let database = server.create_database().await;
    let url: Url = database.tcp_url().expect("listens").parse().expect("a URL");
    let url = deaf_to_the_first_listener(&url).await;
    let store = PostgresStore::connect(url.as_str(), hasty().with_notify(true)).await;
    let _store = store.expect("connects");
    let client = database.client().await;
    let sql = "SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND query = 'LISTEN mp_work'";
    let listens = async {
        while client.query(sql, &[]).await.expect("tells").is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let listens = timeout(Duration::from_secs(10), listens).await;
    listens.expect("it listens in the end");
}

/// Puts somebody between the server and whoever connects to the URL that this returns, who keeps to
/// himself what the first asks that would listen.
async fn deaf_to_the_first_listener(url: &Url) -> Url {
    let deaf = Arc::new(AtomicBool::new(true));
    between(url, move |client, server| {
        let deaf = deaf.clone();
        let (mut asked, asking) = client;
        let (mut said, mut saying) = server;
        tokio::spawn(async move { copy(&mut said, &mut { asking }).await });
        tokio::spawn(async move {
            let mut words = vec![0; 65_536];
            while let Ok(length @ 1..) = asked.read(&mut words).await {
                let words = &words[..length];
                let listens = words.windows(6).any(|word| word == b"LISTEN");
                if listens && deaf.swap(false, Ordering::Relaxed) {
                    // The session stays, and hears nothing.
                    return std::future::pending().await;
                }
                if saying.write_all(words).await.is_err() {
                    return;
                }
            }
        });
    })
    .await
}

/// Puts somebody between the server and whoever connects to the URL that this returns, who swallows
/// what the server says after so many answers.
async fn silent_after(url: &Url, answers: usize) -> Url {
    between(url, move |client, server| {
        let (mut asked, mut asking) = (client.0, server.1);
        tokio::spawn(async move { copy(&mut asked, &mut asking).await });
        tokio::spawn(answer(server.0, client.1, answers));
    })
    .await
}

type Halves = (OwnedReadHalf, OwnedWriteHalf);

/// Has somebody deal with each connection to the URL that this returns and the one to the server that
/// belongs to it.
async fn between(url: &Url, deal: impl Fn(Halves, Halves) + Send + 'static) -> Url {
    let between = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let mut there = url.clone();
    let port = between.local_addr().expect("has an address").port();
    there.set_port(Some(port)).expect("has a host");
    let port = url.port().expect("has a port");
    tokio::spawn(async move {
        while let Ok((client, _)) = between.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await;
            let server = server.expect("lets us in");
            deal(client.into_split(), server.into_split());
        }
    });
    there
}

/// Hands on so many answers, each of which ends with ReadyForQuery outside of a transaction
/// (PostgreSQL documentation, message formats).
async fn answer(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, answers: usize) {
    const READY: &[u8] = b"Z\0\0\0\x05I";
    let (mut said, mut heard) = (vec![0; 65_536], 0);
    while let Ok(length @ 1..) = server.read(&mut said).await {
        if heard == answers {
            continue;
        }
        if client.write_all(&said[..length]).await.is_err() {
            return;
        }
        heard += usize::from(said[..length].ends_with(READY));
    }
}
