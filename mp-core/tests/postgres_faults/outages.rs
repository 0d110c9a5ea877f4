use std::sync::Arc;

use mp_core::store::{PostgresOptions, PostgresStore};
use throwaway_postgres::{Database, Server, ServerOptions, Stop, server};
use tokio::task::spawn_blocking;

use crate::{
    crowd::{self, Crowd},
    joins,
};

/// The word after `await` keeps each of these tests one line: what happens in mid-load.
macro_rules! outages {
    ($($test:ident $outage:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                survive(stringify!($test), $outage).await;
            }
        )*
    };
}

outages! {
    sessions_that_are_broken_off_lose_and_double_nothing Outage::Sessions;
    a_fast_restart_loses_and_doubles_nothing Outage::Restart(Stop::Fast);
    an_immediate_restart_loses_and_doubles_nothing Outage::Restart(Stop::Immediate);
    a_killed_server_loses_and_doubles_nothing Outage::Restart(Stop::Kill);
}

#[derive(Clone, Copy, Debug)]
enum Outage {
    /// All sessions are broken off, the server goes on.
    Sessions,
    /// The server goes down and comes back.
    Restart(Stop),
}

impl Outage {
    async fn strike(self, server: &Server, database: &Database) {
        match self {
            Self::Sessions => assert!(database.terminate_backends().await > 0),
            Self::Restart(stop) => {
                let server = server.clone();
                let restarted = spawn_blocking(move || server.restart(stop)).await;
                restarted.expect("the server comes back");
            }
        }
    }
}

/// Strikes again and again in mid-load, and demands that the load goes on by itself each time and
/// that every acknowledged join, and no other, is there in the end.
async fn survive(test: &str, outage: Outage) {
    let options = ServerOptions::default().with_durability();
    let Some(server) = server(test, &options) else {
        return;
    };
    let database = server.create_database().await;
    let options = PostgresOptions::default();
    let store = PostgresStore::connect(database.url(), options).await;
    let store = Arc::new(store.expect("connects"));
    let crowd = Crowd::start(store.clone());
    for _ in 0..strikes() {
        crowd.goes_on().await;
        outage.strike(&server, &database).await;
    }
    crowd.goes_on().await;
    let told = crowd.end().await;
    println!("{} joins", crowd::count(&told));
    joins::audit(&*store, &told).await.expect("as it was told");
}

fn strikes() -> usize {
    if std::env::var_os("MP_FULL").is_some() {
        20
    } else {
        4
    }
}
