use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{
    PrintsItsRequest, PrintsItsSecret, ReadsATimeoutAsADecline, ReadsATimeoutAsAnOutage,
    ReadsATimeoutAsDone, ReadsAnOutageAsADecline, RefersByItsSecret, RefusesAsUnavailable,
    Unbroken,
};
use crate::{
    backend::{BackendError, Capabilities, Lookup, sandbox::REPLAY_WINDOW},
    conformance::broken::{Answer, Bug, SECRET},
    intent::IntentId,
    operation::{OperationKey, Step},
    payout::{
        PayoutBackend, PayoutCapabilities, PayoutId, PayoutInstruction, PayoutLookupRequest,
        PayoutNotice,
    },
};

/// A payout backend that a bug passes calls on to, or not.
pub type PayoutInner = Arc<dyn PayoutBackend>;

/// What a lookup is answered.
pub(super) type Looked = Result<Lookup, BackendError>;

/// One mistake: what it does differs from what the payout backend in its hands would do.
#[async_trait]
pub trait PayoutBug: fmt::Debug + Default + Send + Sync + 'static {
    /// What the backend in its hands can do: everything, unless the bug is about what it cannot.
    const CAN: Capabilities = Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries();

    /// Gets [`PayoutBackend::payout_capabilities`] wrong, or passes it on.
    fn payout_capabilities(&self, backend: &PayoutInner) -> PayoutCapabilities {
        backend.payout_capabilities()
    }

    /// Gets [`PayoutBackend::pay_out`] wrong, or passes it on.
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        backend.pay_out(payout).await
    }

    /// Gets [`PayoutBackend::lookup_payout`] wrong, or passes it on.
    async fn lookup_payout(
        &self,
        backend: &PayoutInner,
        request: &PayoutLookupRequest,
    ) -> Result<Lookup, BackendError> {
        backend.lookup_payout(request).await
    }

    /// Gets any answer to a payout wrong, or passes it on.
    ///
    /// # Errors
    ///
    /// Whatever the bug says.
    fn answer(&self, _: PayoutId, answer: Answer) -> Answer {
        answer
    }

    /// Reads webhooks wrong, or right.
    fn notices(notices: Vec<PayoutNotice>) -> Vec<PayoutNotice> {
        notices
    }

    /// Prints a backend wrong, or without its secret.
    ///
    /// # Errors
    ///
    /// The formatter's.
    fn print(&self, _: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokenPayouts(***)")
    }
}

/// Makes bugs in what is told of any call into bugs in what is told of payouts.
macro_rules! bugs_of_any_call {
    ($($bug:ident)*) => {$(
        #[async_trait]
        impl PayoutBug for $bug {
            const CAN: Capabilities = <Self as Bug>::CAN;

            fn answer(&self, id: PayoutId, answer: Answer) -> Answer {
                Bug::answer(self, &any_call(id), answer)
            }

            fn print(&self, secret: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Bug::print(self, secret, f)
            }
        }
    )*};
}

bugs_of_any_call! {
    Unbroken
    ReadsATimeoutAsADecline
    ReadsATimeoutAsAnOutage
    ReadsATimeoutAsDone
    ReadsAnOutageAsADecline
    RefusesAsUnavailable
    PrintsItsRequest
    PrintsItsSecret
}

#[async_trait]
impl PayoutBug for RefersByItsSecret {
    fn answer(&self, id: PayoutId, answer: Answer) -> Answer {
        Bug::answer(self, &any_call(id), answer)
    }

    /// It knows its own names, at least.
    async fn lookup_payout(
        &self,
        backend: &PayoutInner,
        request: &PayoutLookupRequest,
    ) -> Result<Lookup, BackendError> {
        backend.lookup_payout(&by_id(request)).await
    }
}

/// Returns the same question without the backend's own name.
pub(super) fn by_id(request: &PayoutLookupRequest) -> PayoutLookupRequest {
    PayoutLookupRequest::of(request.app.clone(), request.id)
}

fn any_call(id: PayoutId) -> OperationKey {
    OperationKey {
        intent: IntentId::from_bytes(id.to_bytes()),
        step: Step::Charge(1),
    }
}

/// A payout backend in the hands of a bug.
pub struct BrokenPayouts<B> {
    backend: PayoutInner,
    secret: &'static str,
    bug: B,
}

impl<B: PayoutBug> BrokenPayouts<B> {
    /// Breaks a payout backend.
    #[must_use]
    pub fn new(backend: PayoutInner) -> Self {
        Self {
            backend,
            secret: SECRET,
            bug: B::default(),
        }
    }
}

impl<B: PayoutBug> fmt::Debug for BrokenPayouts<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bug.print(self.secret, f)
    }
}

#[async_trait]
impl<B: PayoutBug> PayoutBackend for BrokenPayouts<B> {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.bug.payout_capabilities(&self.backend)
    }

    async fn pay_out(&self, payout: &PayoutInstruction) -> Answer {
        let answer = self.bug.pay_out(&self.backend, payout).await;
        self.bug.answer(payout.id, answer)
    }

    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Looked {
        self.bug.lookup_payout(&self.backend, request).await
    }
}
