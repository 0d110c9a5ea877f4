use std::{env, sync::OnceLock};

use url::Url;

use crate::{Database, Server, ServerOptions, StartError, database::Home};

/// Names the variable of the environment with the URL of a server to use instead of a private one,
/// whose role may create databases: `postgres://user@host/database`, reached without TLS.
pub const MP_POSTGRES_URL: &str = "MP_POSTGRES_URL";

/// Makes an empty database for a test, on the server that the tests of this program share; without
/// one to be had, says that `test` is skipped and why.
///
/// The shared server does not wait for the disk: see [`ServerOptions::durable`].
///
/// # Panics
///
/// If there is a server that does not work, or the URL is malformed.
pub async fn database(test: &str) -> Option<Database> {
    if let Some(url) = given_url() {
        return Some(Database::create(Home::Given(url)).await);
    }
    match shared() {
        Some(server) => Some(server.create_database().await),
        None => skip(test, &StartError::NotInstalled.to_string()),
    }
}

/// Starts a server that a test has for itself, to stop it or to set it up; without one to be had,
/// says that `test` is skipped and why.
///
/// # Panics
///
/// If PostgreSQL is installed and does not start.
#[must_use]
pub fn server(test: &str, options: &ServerOptions) -> Option<Server> {
    if given_url().is_some() {
        let reason = format!("it needs a server of its own, and {MP_POSTGRES_URL} is set");
        return skip(test, &reason);
    }
    match Server::start(options) {
        Ok(server) => Some(server),
        Err(error @ StartError::NotInstalled) => skip(test, &error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

/// Returns the server that all tests of this program share, if there is one to be had.
fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED
        .get_or_init(|| match Server::start(&ServerOptions::default()) {
            Ok(server) => Some(server),
            Err(StartError::NotInstalled) => None,
            Err(error) => panic!("{error}"),
        })
        .as_ref()
}

fn given_url() -> Option<Url> {
    let url = env::var(MP_POSTGRES_URL).ok()?;
    Some(url.parse().expect("MP_POSTGRES_URL is a URL"))
}

/// Says so in the words that `./test` counts.
fn skip<T>(test: &str, reason: &str) -> Option<T> {
    println!("skipped: {test}: {reason}");
    None
}
