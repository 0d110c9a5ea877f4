use std::{sync::Arc, time::Duration};

use super::{Act, Fault, WritePoint, life::Life};

/// How late a request arrives of which nobody knows, in milliseconds.
const LATE_MILLIS: [u64; 5] = [1, 20, 400, 3_000, 20_000];

/// How long at most a request or an answer is held up, in milliseconds.
const DELAY_MILLIS: [u64; 4] = [50, 300, 2_000, 10_000];

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
            return std::future::pending().await;
        }
        let fault = self.world.strike(self, point.clone());
        let passed = self.meet(fault, point.act, apply).await;
        self.world.travel().await;
        self.moves().await;
        passed
    }

    async fn meet<T>(
        &self,
        fault: Option<Fault>,
        act: Act,
        apply: impl Future<Output = T> + Send + 'static,
    ) -> Passed<T>
    where
        T: Send + 'static,
    {
        match fault {
            Some(Fault::Conflict) => return Passed::Conflict,
            Some(Fault::Outage) => return Passed::Outage,
            Some(Fault::LostRequest) => return Passed::Unknown,
            Some(Fault::LostAnswer) => {
                apply.await;
                return Passed::Unknown;
            }
            Some(Fault::LateArrival) => {
                self.let_arrive_late(apply);
                return Passed::Unknown;
            }
            Some(Fault::Delay) => return Passed::Answer(self.delay(apply).await),
            Some(Fault::LeaseExpiry) => self.outlive_leases(act).await,
            Some(Fault::ClockForward) => self.jump(true),
            Some(Fault::ClockBack) => self.jump(false),
            Some(Fault::CrashBefore) => return self.die().await,
            Some(Fault::CrashAfter) => {
                apply.await;
                return self.die().await;
            }
            None => {}
        }
        Passed::Answer(apply.await)
    }

    /// Reads something, unless the other side is out of reach: then there is no answer.
    pub(super) async fn read<T>(&self, of: &str, read: impl Future<Output = T>) -> Option<T> {
        self.moves().await;
        self.world.travel().await;
        let fault = self.world.strike_read(self, of);
        match fault {
            Some(Fault::Outage) => return None,
            Some(Fault::CrashBefore) => return self.die().await,
            Some(Fault::ClockForward) => self.jump(true),
            Some(Fault::ClockBack) => self.jump(false),
            _ => {}
        }
        let answer = match fault {
            Some(Fault::Delay) => self.delay(read).await,
            _ => read.await,
        };
        self.world.travel().await;
        self.moves().await;
        Some(answer)
    }

    fn let_arrive_late<T: Send + 'static>(&self, apply: impl Future<Output = T> + Send + 'static) {
        let millis = self.world.chance().pick(LATE_MILLIS);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            apply.await;
        });
    }

    /// Holds up the request, or the answer.
    async fn delay<T>(&self, apply: impl Future<Output = T>) -> T {
        let most = self.world.chance().pick(DELAY_MILLIS);
        let millis = 1 + self.world.chance().below(most);
        let delay = tokio::time::sleep(Duration::from_millis(millis));
        if self.world.chance().percent(50) {
            delay.await;
            return apply.await;
        }
        let answer = apply.await;
        delay.await;
        answer
    }

    async fn outlive_leases(&self, act: Act) {
        self.freeze();
        // Work that is being leased is leased at once, and waits in vain for its process.
        if act != Act::Lease {
            self.moves().await;
        }
    }

    fn jump(&self, forward: bool) {
        self.clock.jump(forward, &mut self.world.chance());
        let (number, offset) = (self.number, self.clock.offset_millis());
        self.world
            .note(|| format!("process {number}: its clock is off by {offset} ms"));
    }
}
