use mp_core::{Error, id::IdempotencyKey};
use mp_queue::{CallFrom, QueueError};

use super::{market::Market, persist::persist, progress::Counts};

/// One called guest in so many does not come.
const ABSENT_ONE_IN: u32 = 29;

/// Calls the next guest of a stall's line, and serves who comes.
pub(crate) async fn serve_next(market: &Market, stall: usize, key: &str) -> Result<Counts, Error> {
    let staff = market.staff(stall)?;
    let line = &market.stalls[stall].line;
    let key: IdempotencyKey = key.parse().map_err(|error| Error::invalid("key", error))?;
    let call = || {
        market
            .queues
            .call_next(&staff, line, CallFrom::LongestWaiting, &key)
    };
    let called = match persist(call).await {
        Ok(called) => called.answer,
        Err(QueueError::NobodyWaits) => return Ok(Counts::default()),
        Err(error) => return Err(error.into()),
    };
    if called.sequence % ABSENT_ONE_IN == ABSENT_ONE_IN - 1 {
        // The timer that came with the call will find that nobody came.
        return Ok(Counts {
            operations: 1,
            ..Counts::default()
        });
    }
    match persist(|| market.queues.serve(&staff, line, called.id)).await {
        // After a kill between the two, the guest may have been given up in the meantime.
        Ok(_) | Err(QueueError::IllegalMove(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Counts {
        operations: 2,
        ..Counts::default()
    })
}
