use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use rusqlite::{Connection, Result, hooks::Wal, wal::CheckpointMode};

use super::{error::store_error, options::SqliteOptions, schema, thread::Thread};
use crate::store::StoreError;

/// How long the write-ahead log grows, in pages, before it is written back into the file.
const LOG_PAGES: i32 = 16_384;

/// How long it grows at most while the thread does not get to it; then everybody waits after all.
const LOG_PAGES_MAX: i32 = 2 * LOG_PAGES;

/// How much longer it grows before another try, where readers held up the one before.
const LOG_PAGES_MORE: i32 = LOG_PAGES / 4;

/// How often what was written meanwhile is written back as well.
const PASSES_MAX: u32 = 4;

/// As much of the log as the writer writes back without anybody noticing.
const REST_PAGES: i32 = 256;

/// Writes the log back into the file, on a thread and a connection of its own.
///
/// Done by the writer, as the engine does unless told otherwise, it makes some hundred callers wait
/// for a tenth of a second every few seconds. But the log begins anew only if nothing is left in it
/// when a transaction begins, and while others write something always is: so the thread writes back
/// all but a rest, and the writer the rest.
#[derive(Debug)]
pub(super) struct Checkpointer {
    // Dropped first: the thread closes its connection when nobody can wake it any more. The writer's
    // end of this goes a moment before the writer is closed; of two who close a file at once each
    // takes the other for the last, and neither writes the log back.
    _wake: SyncSender<()>,
    _thread: Thread,
}

impl Checkpointer {
    /// Starts the thread, and has the writing connection wake it.
    pub(super) fn start(
        path: &Path,
        options: &SqliteOptions,
        writer: &mut Connection,
    ) -> std::result::Result<Self, StoreError> {
        let connection = schema::open_keeper(path, options)?;
        let (wake, woken) = sync_channel(1);
        let turn = Arc::new(Turn::default());
        let mut log = Log {
            wake: wake.clone(),
            turn: turn.clone(),
            pages: 0,
            wake_at: LOG_PAGES,
        };
        let watch = move |wal: &mut Wal, pages| {
            log.has(pages, wal);
            Ok(())
        };
        writer
            .wal_hook(Some(watch))
            .map_err(|error| store_error("open", error))?;
        let body = move |ready: &dyn Fn()| {
            ready();
            checkpoint_when_woken(&connection, &woken, &turn);
            Ok(())
        };
        let thread = Thread::start("mp-sqlite-checkpoint", body)?;
        Ok(Self {
            _wake: wake,
            _thread: thread,
        })
    }
}

/// Whose turn it is to write back: the engine refuses the second of two at once.
#[derive(Debug, Default)]
struct Turn {
    mine: Mutex<()>,
    /// Whether the thread has left the rest to the writer.
    rest: AtomicBool,
}

impl Turn {
    fn take<T>(&self, checkpoint: impl FnOnce() -> Result<T>) -> Result<T> {
        let _mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
        checkpoint()
    }
}

/// The writer's view of the log.
struct Log {
    wake: SyncSender<()>,
    turn: Arc<Turn>,
    pages: i32,
    wake_at: i32,
}

impl Log {
    /// Takes note, after a commit, of how many pages the log has.
    fn has(&mut self, pages: i32, wal: &mut Wal) {
        if pages < self.pages {
            self.wake_at = LOG_PAGES;
        }
        self.pages = pages;
        let overdue = pages >= LOG_PAGES_MAX && pages >= self.wake_at;
        if self.turn.rest.swap(false, Ordering::Acquire) || overdue {
            // What fails here is tried again when the log has grown.
            drop(self.turn.take(|| wal.checkpoint()));
        }
        if pages >= self.wake_at {
            self.wake_at = pages.saturating_add(LOG_PAGES_MORE);
            // It may be at it already.
            let _ = self.wake.try_send(());
        }
    }
}

fn checkpoint_when_woken(connection: &Connection, woken: &Receiver<()>, turn: &Turn) {
    while woken.recv().is_ok() {
        match checkpoint(connection, turn) {
            Ok(()) => turn.rest.store(true, Ordering::Release),
            Err(error) => tracing::warn!(%error, "the log could not be written back"),
        }
    }
}

/// Writes back what is in the log, and again what came in meanwhile, until that is little.
fn checkpoint(connection: &Connection, turn: &Turn) -> Result<()> {
    let pass = || connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE);
    let mut pages = 0;
    for _ in 0..PASSES_MAX {
        let (log, _) = turn.take(pass)?;
        if log - pages <= REST_PAGES {
            break;
        }
        pages = log;
    }
    Ok(())
}
