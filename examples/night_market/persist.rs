use std::time::Duration;

use mp_core::{Error, ErrorKind};

/// How often a call is repeated that may succeed later.
const TRIES: u32 = 20;

/// Repeats a call with the same key while the error says that this may help, as any client does.
pub(crate) async fn persist<T, E, F, R>(call: F) -> Result<T, E>
where
    E: Clone + Into<Error>,
    F: Fn() -> R,
    R: Future<Output = Result<T, E>>,
{
    for tries in 1..TRIES {
        match call().await {
            Err(error) if may_help(&error.clone().into()) => {
                tokio::time::sleep(Duration::from_millis(u64::from(tries))).await;
            }
            outcome => return outcome,
        }
    }
    call().await
}

/// A payment whose outcome the provider knows later is not asked for at once: due work will.
fn may_help(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable => true,
        ErrorKind::Unknown => error.code() != "payment_unknown",
        _ => false,
    }
}
