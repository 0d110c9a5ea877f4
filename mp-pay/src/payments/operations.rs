use mp_core::{Scope, host::Operation};

use super::{
    ListUnresolved, Notice, PAY_MANAGE, PAY_READ, PAY_WRITE, Payments, ReadIntent, ResolveOperation,
};
use crate::refund::ShownRefund;

impl Payments {
    /// Returns what a host can be asked about payments.
    ///
    /// What a backend tells by itself, [`observe`](Self::observe) and
    /// [`observe_dispute`](Self::observe_dispute), is none of these. It comes as a
    /// [webhook](crate::webhook), whose signature is checked over the raw body before anything is
    /// believed; whoever calls an operation is a user, and has no word on what a backend did. A person's word
    /// is `pay.resolve`, for staff, and counts only where nobody else can tell.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let [
            create,
            confirm,
            increase,
            capture,
            cancel,
            refund,
            read,
            receipt,
            unresolved,
            resolve,
        ] = std::array::from_fn(|_| self.clone());
        vec![
            Operation::money(
                "pay.create_intent",
                "Creates an intent to pay an amount; no money moves yet.",
                PAY_WRITE,
                move |caller, request, key| {
                    let payments = create.clone();
                    async move { payments.create_intent(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pay.confirm",
                "Charges the payer of an intent, or holds the money if capture is manual.",
                PAY_WRITE,
                move |caller, request, key| {
                    let payments = confirm.clone();
                    async move { payments.confirm(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pay.increase",
                "Raises what an intent holds to a new total.",
                PAY_MANAGE,
                move |caller, request, key| {
                    let payments = increase.clone();
                    async move { payments.increase(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pay.capture",
                "Takes money that an intent holds, all or part of it.",
                PAY_MANAGE,
                move |caller, request, key| {
                    let payments = capture.clone();
                    async move { payments.capture(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pay.cancel",
                "Gives an intent up and lets go of what it holds.",
                PAY_MANAGE,
                move |caller, request, key| {
                    let payments = cancel.clone();
                    async move { payments.cancel(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pay.refund",
                "Gives back what an intent has taken, all or part of it.",
                PAY_MANAGE,
                move |caller, request, key| {
                    let payments = refund.clone();
                    async move {
                        let refunded = payments.refund(&caller, request, &key).await;
                        refunded.map(ShownRefund::from)
                    }
                },
            ),
            Operation::read(
                "pay.intent",
                "Shows where an intent stands.",
                PAY_READ,
                move |caller, request: ReadIntent| {
                    let payments = read.clone();
                    async move { payments.intent(&caller, request.intent).await }
                },
            ),
            Operation::read(
                "pay.receipt",
                "Shows what was paid for an intent and what was given back.",
                PAY_READ,
                move |caller, request: ReadIntent| {
                    let payments = receipt.clone();
                    async move { payments.receipt(&caller, request.intent).await }
                },
            ),
            Operation::read(
                "pay.unresolved",
                "Lists what only a person can find out about.",
                PAY_MANAGE,
                move |caller, request: ListUnresolved| {
                    let payments = unresolved.clone();
                    let ListUnresolved { after, limit } = request;
                    async move { payments.unresolved(&caller, after, limit).await }
                },
            ),
            Operation::money(
                "pay.resolve",
                "Tells what a person has found out about an operation that waited for one. Each word takes a \
                 key of its own.",
                Scope::STAFF,
                move |caller, request: ResolveOperation, key| {
                    let payments = resolve.clone();
                    async move {
                        let notice = Notice::try_from(request)?;
                        payments.resolve(&caller, notice, &key).await
                    }
                },
            ),
        ]
    }
}
