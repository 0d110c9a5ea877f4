use mp_core::{
    Caller, Command, Committed, Decision, Edits, Family, id::IdempotencyKey,
    idempotency::Idempotency,
};

use super::{QUEUE_STAFF, Queues, once};
use crate::{
    desk::Desk,
    error::QueueError,
    line::{Line, LineId, LineSetup, LineState},
};

impl Queues {
    /// Opens a line for its service day. The same key is answered alike for as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY); after that the line exists.
    ///
    /// # Errors
    ///
    /// `line_exists`; `forbidden` without a staff scope, `invalid_field` with the part of the setup
    /// that no line could have, `idempotency_conflict`, and the store's errors.
    pub async fn open_line(
        &self,
        caller: &Caller,
        line: &LineId,
        setup: LineSetup,
        key: &IdempotencyKey,
    ) -> Result<Committed<Line>, QueueError> {
        caller.require(&QUEUE_STAFF)?;
        setup.check()?;
        let once = once(caller, "queue.open_line", key, &(line, &setup))?;
        let command = Command::on(line.partition(caller.app_id())?).once(once);
        let (app, id) = (caller.app_id().clone(), line.clone());
        let open = move |family: &Family, now| {
            if family.exists() {
                return Err(QueueError::LineExists);
            }
            let line = Line::open(id.clone(), app.clone(), &setup, now);
            let mut edits = Edits::new();
            edits.put_root(line.clone());
            Ok(edits.answer(line))
        };
        self.engine.run(command, open).await
    }

    /// Stops giving out tickets; whoever waits can still be called. Closing twice changes nothing,
    /// and under the same key closes no line that was reopened since, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
    ///
    /// # Errors
    ///
    /// `no_such_line`, `forbidden`, `idempotency_conflict`, and the store's errors.
    pub async fn close_line(
        &self,
        caller: &Caller,
        line: &LineId,
        key: &IdempotencyKey,
    ) -> Result<Committed<Line>, QueueError> {
        let once = once(caller, "queue.close_line", key, line)?;
        self.turn(caller, line, LineState::Closed, once).await
    }

    /// Gives out tickets again. Reopening twice changes nothing, and under the same key reopens no
    /// line that was closed since, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
    ///
    /// # Errors
    ///
    /// `no_such_line`, `forbidden`, `idempotency_conflict`, and the store's errors.
    pub async fn reopen_line(
        &self,
        caller: &Caller,
        line: &LineId,
        key: &IdempotencyKey,
    ) -> Result<Committed<Line>, QueueError> {
        let once = once(caller, "queue.reopen_line", key, line)?;
        self.turn(caller, line, LineState::Open, once).await
    }

    async fn turn(
        &self,
        caller: &Caller,
        line: &LineId,
        state: LineState,
        once: Idempotency,
    ) -> Result<Committed<Line>, QueueError> {
        caller.require(&QUEUE_STAFF)?;
        let command = Command::on(line.partition(caller.app_id())?).once(once);
        let turn = move |family: &Family, now| -> Result<Decision<Line>, QueueError> {
            Desk::at(family, now)?.turned(state)
        };
        self.engine.run(command, turn).await
    }

    /// Returns a line as it stands; everybody in the app may look.
    ///
    /// Its [counts](crate::line::Counts) are those that were written down: a call whose grace has just ended is
    /// among those expected until the next call, or due work, has come round to it.
    ///
    /// # Errors
    ///
    /// `no_such_line`, and the store's errors.
    pub async fn line(&self, caller: &Caller, line: &LineId) -> Result<Line, QueueError> {
        let command = Command::on(line.partition(caller.app_id())?);
        let family = self.engine.read(command).await?;
        let found = family.root::<Line>()?.ok_or(QueueError::NoSuchLine)?;
        Ok(Line::clone(&found))
    }
}
