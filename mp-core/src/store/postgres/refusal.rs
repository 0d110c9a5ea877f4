//! What to do about a server that will refuse the next attempt to connect as well.

use std::error::Error as StdError;

use deadpool_postgres::PoolError;
use tokio_postgres::{Error, config::SslMode, error::SqlState};

const CERTIFICATE: &str = "the server did not prove who it is: connect by a name that stands in its \
certificate, and give the authority that issued it as a root certificate";

const ENCRYPTION: &str = "the server does not let this role in without encryption, or not at all: \
sslmode=require in the URL may be needed";

const UNKNOWN: &str = "the server knows no such role, password or database: correct the URL";

/// A refusal with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{advice}")]
struct Refusal {
    advice: &'static str,
    source: PoolError,
}

/// Returns the error, with what to do about it if that is known.
pub(super) fn explained(error: PoolError, mode: SslMode) -> Box<dyn StdError + Send + Sync> {
    match cause(&error).and_then(|cause| advice(cause, mode)) {
        Some(advice) => Box::new(Refusal {
            advice,
            source: error,
        }),
        None => Box::new(error),
    }
}

/// Returns the driver's error, if it is one.
pub(super) const fn cause(error: &PoolError) -> Option<&Error> {
    match error {
        PoolError::Backend(error) => Some(error),
        _ => None,
    }
}

fn advice(error: &Error, mode: SslMode) -> Option<&'static str> {
    let code = error.code().map(SqlState::code);
    // invalid_authorization_specification: no line of pg_hba.conf lets in who comes like this.
    let turned_away = code == Some("28000");
    match mode {
        _ if is_distrust(error) => Some(CERTIFICATE),
        // invalid_password, invalid_catalog_name
        _ if matches!(code, Some("28P01" | "3D000")) => Some(UNKNOWN),
        SslMode::Disable if turned_away => Some(ENCRYPTION),
        _ => None,
    }
}

/// Returns whether it was we who broke off, because of what the server showed.
///
/// It comes as an I/O error, as what befalls the wire does; only what is inside tells them apart.
pub(super) fn is_distrust(error: &Error) -> bool {
    let source = error.source();
    let wire = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    wire.and_then(|wire| wire.get_ref())
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
}
