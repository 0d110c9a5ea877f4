use std::{future, sync::Arc, time::Duration};

use super::{Act, Fault, WritePoint, life::Life};

/// What a process learns of a request.
pub(super) enum Passed<T> {
    /// It was carried out, and this is the answer.
    Answer(T),
    /// It was not: somebody else was first.
    Conflict,
    /// It was not: the other side is out of reach.
    Outage,
    /// Nobody knows.
    Unknown,
}

impl Life {
    /// Sends a request out of the process, whatever happens to it on the way.
    ///
    /// `apply` carries it out, at once and whole; dropped, it was not carried out.
    pub(super) async fn send<T>(
        self: &Arc<Self>,
        point: WritePoint,
        apply: impl Future<Output = T> + Send + 'static,
    ) -> Passed<T>
    where
        T: Send + 'static,
    {
        self.moves().await;
        self.world.travel().await;
        if self.death.is_given() {
            // It was on its way when its process died.
            if self.world.chance().percent(50) {
                apply.await;
            }
            return future::pending().await;
        }
        let fault = self.world.strike(self, point.clone());
        let passed = self.meet(fault, point.act, apply).await;
        self.world.travel().await;
        self.moves().await;
        passed
    }

    async fn meet<T>(
        self: &Arc<Self>,
        fault: Option<Fault>,
        act: Act,
        apply: impl Future<Output = T> + Send + 'static,
    ) -> Passed<T>
    where
        T: Send + 'static,
    {
        match fault {
            None => {}
            Some(Fault::Conflict) => return Passed::Conflict,
            Some(Fault::Outage) => return Passed::Outage,
            Some(Fault::LostRequest) => return Passed::Unknown,
            Some(Fault::LostAnswer) => {
                apply.await;
                return Passed::Unknown;
            }
            Some(Fault::LateArrival) => {
                let late = self.world.chance().pick([1, 20, 400, 3_000, 20_000]);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(late)).await;
                    apply.await;
                });
                return Passed::Unknown;
            }
            Some(Fault::Delay) => self.world.delay().await,
            // Work that was just leased waits in vain for its process.
            Some(Fault::LeaseExpiry) if act == Act::Lease => self.freeze(),
            Some(Fault::LeaseExpiry) => {
                self.freeze();
                self.moves().await;
            }
            Some(Fault::ClockForward) => self.jump(true),
            Some(Fault::ClockBack) => self.jump(false),
            Some(Fault::CrashBefore) => {
                self.die();
                return future::pending().await;
            }
            Some(Fault::CrashAfter) => {
                apply.await;
                self.die();
                return future::pending().await;
            }
        }
        Passed::Answer(apply.await)
    }

    /// Reads something, unless the other side is out of reach: then there is no answer.
    pub(super) async fn read<T>(&self, of: &str, read: impl Future<Output = T>) -> Option<T> {
        self.moves().await;
        self.world.travel().await;
        match self.world.strike_read(self, of) {
            Some(Fault::Outage) => return None,
            Some(Fault::Delay) => self.world.delay().await,
            Some(Fault::ClockForward) => self.jump(true),
            Some(Fault::ClockBack) => self.jump(false),
            Some(Fault::CrashBefore) => self.die(),
            _ => {}
        }
        let answer = read.await;
        self.world.travel().await;
        self.moves().await;
        Some(answer)
    }

    fn jump(&self, forward: bool) {
        self.clock.jump(forward, &mut self.world.chance());
        let offset = self.clock.offset_millis();
        self.world
            .note(|| format!("process {}: its clock is off by {offset} ms", self.number));
    }
}
