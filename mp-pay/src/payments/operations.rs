use mp_core::host::Operation;

use super::{PAY_MANAGE, PAY_READ, PAY_WRITE, Payments, ReadIntent};

impl Payments {
    /// Returns what a host can be asked about payments.
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
                    async move { payments.refund(&caller, request, &key).await }
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
        ]
    }
}
