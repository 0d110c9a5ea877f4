use std::{
    cell::RefCell,
    marker::PhantomData,
    panic::{self, PanicHookInfo},
    sync::{Arc, Once},
};

use super::record::Record;
use crate::conformance::Violation;

thread_local! {
    /// The run that this thread is at.
    static RUN: RefCell<Option<Arc<Record>>> = const { RefCell::new(None) };
}

/// As long as it is there, a panic on this thread fails the run, whoever catches it: the engine survives
/// that of a decision, a worker that of a handler, and a task takes it with it.
#[derive(Debug)]
pub(super) struct Panics {
    /// It belongs to its thread.
    here: PhantomData<*const ()>,
}

impl Panics {
    pub(super) fn fail(record: &Arc<Record>) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(install);
        RUN.set(Some(record.clone()));
        Self { here: PhantomData }
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        RUN.set(None);
    }
}

/// Has every panic told to the run that it is in, and then to whoever was told before.
fn install() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        tell(panic);
        previous(panic);
    }));
}

fn tell(panic: &PanicHookInfo<'_>) {
    // At its end a thread has no run any more.
    let Ok(Some(record)) = RUN.try_with(|run| run.borrow().clone()) else {
        return;
    };
    let text = panic.payload_as_str().unwrap_or("something");
    let place = panic.location().map(|place| format!(" ({place})"));
    let told = format!("panic: {text}{}", place.unwrap_or_default());
    record.note(|| told.clone());
    record.fail(Violation::new(told));
}
