use std::env;

use throwaway_postgres::{Database, MP_POSTGRES_URL, Server, ServerOptions};

/// Makes a database on a durable server: a private one, tuned as one is that has the machine for
/// itself, or the one that `MP_POSTGRES_URL` names.
///
/// # Panics
///
/// If there is no PostgreSQL: there would be nothing to measure.
pub async fn postgres() -> Database {
    if env::var_os(MP_POSTGRES_URL).is_some() {
        let given = throwaway_postgres::database("the measurement").await;
        return given.expect("the server that is given makes a database");
    }
    let server = Server::start(&tuned()).expect("a PostgreSQL that starts");
    server.create_database().await
}

/// Returns how a server is set up for a measurement: durable, with room for what is measured in
/// memory, and no checkpoint in its middle.
#[must_use]
pub fn tuned() -> ServerOptions {
    ServerOptions::default()
        .with_durability()
        .with_setting("shared_buffers", "1GB")
        .with_setting("max_wal_size", "8GB")
        .with_setting("checkpoint_timeout", "30min")
}
