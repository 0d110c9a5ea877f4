use std::{
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Error, ErrorCode, Result};

/// How long to wait before the first look whether others have finished.
const PAUSE_MIN: Duration = Duration::from_micros(100);

/// How long to wait at most between two looks.
///
/// The engine's own handler comes to wait a tenth of a second. A process that goes on writing leaves
/// the file free for less than a millisecond at a time, so that on a slow disk, where it holds the
/// file the longer, those who look so seldom come away with nothing.
const PAUSE_MAX: Duration = Duration::from_millis(1);

/// Does something again while others have the file locked, for as long as that is worth waiting for.
pub(super) fn patiently<T>(timeout: Duration, mut act: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        match act() {
            Err(error) if is_busy(&error) && started.elapsed() < timeout => thread::sleep(pause),
            done => return done,
        }
        pause = PAUSE_MAX.min(pause * 2);
    }
}

/// Returns whether others have the file locked.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
