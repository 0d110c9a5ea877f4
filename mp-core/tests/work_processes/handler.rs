use std::{fs::File, path::PathBuf, process, sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    store::Delivery,
    work::{Done, Handler, HandlerError},
};

use crate::{
    item::{self, FLAKY, KINDS, POISON, QUICK, SLOW},
    log::{Line, Step},
};

/// Writes down what it handles.
#[derive(Debug)]
pub(crate) struct Logged {
    kind: &'static str,
    log: Arc<File>,
    /// The file that, once it is there, cures what was given up.
    cure: PathBuf,
}

impl Logged {
    pub(crate) fn all(log: File, cure: PathBuf) -> impl Iterator<Item = Arc<dyn Handler>> {
        let log = Arc::new(log);
        KINDS.into_iter().map(move |kind| {
            let (log, cure) = (log.clone(), cure.clone());
            Arc::new(Self { kind, log, cure }) as Arc<dyn Handler>
        })
    }

    fn note(&self, step: Step, delivery: &Delivery) {
        let lease = delivery.lease.map_or(0, |until| until.as_micros());
        let line = Line {
            step,
            item: item::name_of(delivery),
            lease,
            process: process::id(),
        };
        line.write(&self.log);
    }

    async fn work(&self, delivery: &Delivery) -> Result<Done, HandlerError> {
        let millis = match self.kind {
            QUICK => 1,
            SLOW => fastrand::u64(40..120),
            _ => 5,
        };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let error = || Error::new(ErrorKind::Unavailable, "not_now", "the line is down");
        match self.kind {
            FLAKY if delivery.attempts == 1 => Err(HandlerError::Retry(error())),
            POISON if !self.cure.exists() => Err(HandlerError::GiveUp(error())),
            _ => Ok(Done::Finished),
        }
    }
}

#[async_trait]
impl Handler for Logged {
    fn kind(&self) -> &str {
        self.kind
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Done, HandlerError> {
        self.note(Step::Begun, delivery);
        let answer = self.work(delivery).await;
        let step = if answer.is_ok() {
            Step::Done
        } else {
            Step::Failed
        };
        self.note(step, delivery);
        answer
    }
}
